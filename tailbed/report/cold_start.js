// Cold start: a bar a run, grouped by deployment.
"use strict";

function drawColdStart(place) {
  const [bar, gap, head] = [9, 3, 22];
  const bars = [];
  const heads = [];
  let y = 0;
  const groups = d3.group(data.cold, (run) => run.deployment);
  for (const [deployment, runs] of d3.sort(groups, ([deployment]) => deployment)) {
    y += head;
    heads.push({ deployment, y: y - 6 });
    for (const run of runs) {
      bars.push({ ...run, y1: y, y2: y + bar });
      y += bar + gap;
    }
    y += 6;
  }
  const style = (run) => data.deployments[run.deployment].style;
  const end = (run) => Math.max(run.first ?? 0, run.ready);
  const words = (run) =>
    `${milliseconds(run.ready)} → ${run.first === null ? "no correct answer" : milliseconds(run.first)}`;
  const width = Math.min(place.clientWidth, 760);
  const svg = Plot.plot({
    width,
    height: y + 30,
    marginTop: 0,
    marginBottom: 30,
    marginLeft: 0,
    marginRight: 110,
    x: { domain: [0, d3.max(bars, end)], label: null },
    y: { domain: [0, y], range: [0, y], axis: null },
    marks: [
      Plot.gridX({ ticks: 5, stroke: "var(--hair)", strokeOpacity: 1 }),
      Plot.axisX({ ticks: 5, tickSize: 4, label: null, text: plain }),
      Plot.text(["ms"], { frameAnchor: "bottom-right", dy: 18, dx: 24 }),
      bars.map((run) => [
        Plot.rect([run], { x1: 0, x2: "ready", y1: "y1", y2: "y2", className: `bar ${style(run)}` }),
        run.first === null
          ? null
          : Plot.rect([run], { x1: "ready", x2: "first", y1: "y1", y2: "y2", className: `bar wait ${style(run)}` }),
        Plot.text([run], {
          x: end,
          y: (run) => (run.y1 + run.y2) / 2,
          text: words,
          textAnchor: "start",
          dx: 6,
          fontVariant: "tabular-nums",
        }),
      ]),
      Plot.text(heads, {
        frameAnchor: "left",
        y: "y",
        text: (entry) => data.deployments[entry.deployment].name,
        textAnchor: "start",
        lineAnchor: "bottom",
        dy: 2,
        fill: "var(--ink)",
        fontSize: 12,
      }),
    ],
  });
  const spoken = bars.map((run) => `${data.deployments[run.deployment].name}, ${run.scenario}: ${words(run)}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `Cold start in milliseconds, ready and first correct answer. ${spoken.join("; ")}`);
  place.replaceChildren(svg);
}

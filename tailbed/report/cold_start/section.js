// Cold start: stacked bars of its stages, grouped by deployment.
const STAGES = [
  ["listening", "port open"],
  ["ready", "model ready"],
  ["first_answer", "first correct answer"],
];

// The stages that were seen, each from where the one before it ended.
function stagesOf(start) {
  let begin = 0;
  return STAGES.filter(([stage]) => start[stage] !== null).map(([stage, words]) => {
    const part = { stage, words, x1: begin, x2: Math.max(begin, start[stage]) };
    begin = part.x2;
    return part;
  });
}

function coldStartWords(start) {
  const ends = stagesOf(start).map((part) => milliseconds(part.x2));
  return `${ends.join(" → ")}${start.first_answer === null ? " → no correct answer" : ""}`;
}

function drawColdStart(place, starts) {
  const [bar, gap, head] = [9, 3, 22];
  const bars = [];
  const heads = [];
  let y = 0;
  const groups = d3.group(starts, (start) => start.deployment);
  for (const [deployment, group] of d3.sort(groups, ([deployment]) => deployment)) {
    y += head;
    heads.push({ deployment, y: y - 6 });
    for (const start of group) {
      bars.push({ ...start, y1: y, y2: y + bar, parts: stagesOf(start) });
      y += bar + gap;
    }
    y += 6;
  }
  const style = (start) => data.deployments[start.deployment].style;
  const end = (start) => start.parts.at(-1)?.x2 ?? 0;
  const width = Math.min(place.clientWidth, 760);
  const wide = width > 500;
  const svg = Plot.plot({
    width,
    height: y + 30,
    marginTop: 0,
    marginBottom: 30,
    marginLeft: 0,
    marginRight: wide ? 240 : 150,
    x: { domain: [0, d3.max(bars, end)], label: null },
    y: { domain: [0, y], range: [0, y], axis: null },
    marks: [
      Plot.gridX({ ticks: 5, stroke: "var(--hair)", strokeOpacity: 1 }),
      Plot.axisX({ ticks: 5, tickSize: 4, label: null, text: plain }),
      Plot.text(["ms"], { frameAnchor: "bottom-right", dy: 18, dx: 24 }),
      bars.map((start) => [
        start.parts.map((part) =>
          Plot.rect([part], {
            x1: "x1",
            x2: "x2",
            y1: start.y1,
            y2: start.y2,
            className: `bar ${part.stage} ${style(start)}`,
            title: () => `${start.label}: ${part.words} after ${milliseconds(part.x2)} ms`,
          }),
        ),
        Plot.text([start], {
          x: end,
          y: (start) => (start.y1 + start.y2) / 2,
          text: (start) => (wide ? `${start.label}: ` : "") + coldStartWords(start),
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
  const spoken = bars.map(
    (start) => `${data.deployments[start.deployment].name}, ${start.label}: ${coldStartWords(start)}`,
  );
  svg.setAttribute("role", "img");
  svg.setAttribute(
    "aria-label",
    `Cold start in milliseconds, ${STAGES.map(([, words]) => words).join(", ")}. ${spoken.join("; ")}`,
  );
  place.replaceChildren(svg);
}

pictures("cold_start", drawColdStart);

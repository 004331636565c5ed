// The ranking: a line for each deployment, with a dot at its figure and a bar over its interval.

const LINE = 40;

function drawRanking(place, { entries, unit }) {
  const width = place.clientWidth;
  const rows = entries.map((entry, line) => ({ ...entry, y: line * LINE }));
  const ends = entries.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]);
  const scale = axisOver(ends, { fromZero: d3.min(ends) < 0.5 * d3.max(ends), ticks: width < 400 ? 4 : 6 });
  const style = (row) => data.deployments[row.deployment].style;
  const name = (row) => data.deployments[row.deployment].name;
  const names = { frameAnchor: "left", y: "y", lineAnchor: "top", fill: "var(--ink)", fontSize: 12.5, stroke: "var(--paper)", strokeWidth: 4 };
  const svg = Plot.plot({
    width,
    height: rows.length * LINE + 32,
    marginTop: 6,
    marginLeft: 6,
    marginRight: 14,
    marginBottom: 26,
    x: { ...scale, label: null },
    y: { domain: [0, rows.length * LINE], range: [6, rows.length * LINE + 6], axis: null },
    marks: [
      Plot.gridX({ ticks: scale.ticks, stroke: "var(--hair)", strokeOpacity: 1 }),
      Plot.axisX({ ticks: scale.ticks, tickSize: 4, label: null, text: plain }),
      Plot.text(rows, { ...names, dx: -6, dy: 1, text: (row) => fitting(name(row), 0.62 * width), textAnchor: "start" }),
      Plot.text(rows, {
        ...names,
        frameAnchor: "right",
        dx: 14,
        dy: 1,
        text: "verdict",
        textAnchor: "end",
        fill: "currentColor",
        fontSize: 11.5,
      }),
      rows.map((row) => {
        const y = row.y + 25;
        return [
          row.low === null
            ? null
            : Plot.ruleY([row], { y, x1: "low", x2: "high", strokeWidth: 5, strokeOpacity: 0.35, className: `whole ${style(row)}` }),
          Plot.dot([row], {
            x: "value",
            y,
            r: 4.5,
            strokeWidth: 2,
            className: `whole ${style(row)} ${row.shown || row.verdict === "first" ? "full" : "hollow"}`,
          }),
        ];
      }),
    ],
  });
  place.replaceChildren(svg);
  const [x, y] = [svg.scale("x"), svg.scale("y")];
  attachPoints(
    place,
    svg,
    rows.map((row) => ({
      x: x.apply(row.value),
      y: y.apply(row.y + 25),
      title: name(row),
      lines: [[`${row.text} ${unit}`], [row.verdict]],
    })),
    "Deployments, the best first",
  );
}

pictures("ranking", drawRanking);

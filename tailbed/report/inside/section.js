// Queue, compute and the rest of the service time, one bar a cell.

const PARTS = ["queue", "compute", "rest"];

function drawSplit(place, cells) {
  const [bar, line] = [10, 34];
  const width = Math.min(place.clientWidth, 760);
  const rows = cells.map((cell, index) => {
    const rest = Math.max(cell.service - cell.queue - cell.compute, 0);
    const ends = d3.cumsum([cell.queue, cell.compute, rest]);
    return { ...cell, rest, ends, y: index * line };
  });
  const x = axisOver(rows.map((row) => row.ends.at(-1)), { ticks: width < 500 ? 4 : 6, fromZero: true, linear: true });
  const name = (row) => `${data.deployments[row.deployment].name}, ${row.scenario}`;
  const svg = Plot.plot({
    width,
    height: rows.length * line + 28,
    marginTop: 0,
    marginLeft: 6,
    marginRight: 24,
    marginBottom: 28,
    x: { ...x, label: null },
    y: { domain: [0, rows.length * line], range: [0, rows.length * line], axis: null },
    marks: [
      Plot.gridX({ ticks: x.ticks, stroke: "var(--hair)", strokeOpacity: 1 }),
      Plot.axisX({ ticks: x.ticks, tickSize: 4, label: null, text: plain }),
      Plot.text(["ms"], { frameAnchor: "bottom-right", dy: 18, dx: 24 }),
      Plot.text(rows, {
        frameAnchor: "left",
        y: "y",
        dx: -6,
        dy: 2,
        lineAnchor: "top",
        textAnchor: "start",
        fill: "var(--ink)",
        fontSize: 12,
        text: (row) => fitting(name(row), width),
      }),
      rows.map((row) =>
        PARTS.map((part, index) =>
          Plot.rect([row], {
            x1: index ? row.ends[index - 1] : 0,
            x2: row.ends[index],
            y1: row.y + 18,
            y2: row.y + 18 + bar,
            className: `bar part-${part} ${data.deployments[row.deployment].style}`,
          }),
        ),
      ),
    ],
  });
  place.replaceChildren(svg);
  const [scaleX, scaleY] = [svg.scale("x"), svg.scale("y")];
  attachPoints(
    place,
    svg,
    rows.map((row) => ({
      x: scaleX.apply(row.ends.at(-1)),
      y: scaleY.apply(row.y + 18 + bar / 2),
      title: name(row),
      lines: [[`queue ${milliseconds(row.queue)} ms`, `compute ${milliseconds(row.compute)} ms`], [`service P50 ${milliseconds(row.service)} ms`]],
    })),
    "Queue and compute, cell by cell",
  );
}

pictures("inside", drawSplit);

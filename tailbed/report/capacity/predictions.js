// Predicted against measured: agreement is the diagonal, 15% to either side a band.

const TOLERATED = 0.15;

function drawPredictions(place, { points }) {
  const width = Math.min(place.clientWidth, 460);
  const scale = axisOver(
    points.flatMap(({ predicted, measured }) => [predicted, measured]),
    { ticks: 5, spread: 1.2 },
  );
  const [low, high] = scale.domain;
  const from = Math.max(low, high / 1e6); // a logarithm has no zero
  const line = [from, high];
  const style = (point) => (point.deployment === null ? "" : data.deployments[point.deployment].style);
  const svg = Plot.plot({
    width,
    height: Math.round(width * 0.78),
    marginTop: 24,
    marginLeft: 46,
    marginRight: 14,
    marginBottom: 40,
    x: { ...scale, label: null, clamp: true },
    y: { ...scale, label: null, clamp: true },
    marks: [
      Plot.areaY(line, { x: (v) => v, y1: (v) => v * (1 - TOLERATED), y2: (v) => v * (1 + TOLERATED), fill: "var(--hair)" }),
      Plot.line(line, { x: (v) => v, y: (v) => v, stroke: "currentColor", strokeWidth: 1 }),
      Plot.axisY({ ticks: scale.ticks, tickSize: 0, label: null, text: plain }),
      Plot.axisX({ ticks: scale.ticks, tickSize: 4, label: null, text: plain }),
      Plot.text(["predicted, ms"], { frameAnchor: "top-left", dx: -46, dy: -20, textAnchor: "start" }),
      Plot.text(["measured, ms"], { frameAnchor: "bottom-right", dx: 8, dy: 36, textAnchor: "end" }),
      points.map((point) =>
        Plot.dot([point], {
          x: "measured",
          y: "predicted",
          r: 4.5,
          strokeWidth: 1.8,
          className: `mark ${point.behind ? "hollow" : "full"} ${style(point)}`,
        }),
      ),
    ],
  });
  place.replaceChildren(svg);
  const [x, y] = [svg.scale("x"), svg.scale("y")];
  attachPoints(
    place,
    svg,
    points.map((point) => ({
      x: x.apply(point.measured),
      y: y.apply(point.predicted),
      title: point.name,
      lines: [
        [`${point.figure} at ${rateText(point.rate)}/s`, point.behind ? `${point.replicas} behind ${point.behind}` : ""],
        [`predicted ${milliseconds(point.predicted)} ms`, `measured ${milliseconds(point.measured)} ms`],
        [`error ${signedPercent(point.error)}`],
      ],
    })),
    "Predictions, one by one",
  );
}

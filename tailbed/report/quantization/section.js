// Accuracy, or agreement, against P99: the frontier is joined, its points are full.

function drawFrontier(place, { quality, entries }) {
  const width = place.clientWidth;
  const x = axisOver(
    entries.flatMap(({ p99, p99_low, p99_high }) => [p99, p99_low ?? p99, p99_high ?? p99]),
    { ticks: width < 500 ? 4 : 8, spread: 1.15 },
  );
  const percents = entries.flatMap((entry) => [entry.quality, entry.low ?? entry.quality, entry.high ?? entry.quality]);
  const [low, high] = d3.extent(percents.map((share) => 100 * share));
  const room = Math.max(0.08 * (high - low), 0.2);
  const y = d3.scaleLinear().domain([low - room, high + room]).nice(5);
  const points = entries.map((entry) => ({ ...entry, percent: 100 * entry.quality }));
  const style = (point) => data.deployments[point.deployment].style;
  const frontier = d3.sort(points.filter((point) => point.frontier), (point) => point.p99);
  const margins = { marginTop: 26, marginLeft: 46, marginRight: 18, marginBottom: 40 };
  const height = Math.round(Math.min(Math.max(width * 0.5, 280), 400));
  const svg = Plot.plot({
    width,
    height,
    ...margins,
    x: { ...x, label: null },
    y: { domain: y.domain(), label: null },
    marks: [
      Plot.gridY({ ticks: y.ticks(5), stroke: "var(--hair)", strokeOpacity: 1 }),
      Plot.gridX({ ticks: x.ticks, stroke: "var(--hair)", strokeOpacity: 1 }),
      Plot.axisY({ ticks: y.ticks(5), tickSize: 0, label: null, text: plain }),
      Plot.axisX({ ticks: x.ticks, tickSize: 4, label: null, text: plain }),
      Plot.text([`${quality.toLowerCase()}, %`], { frameAnchor: "top-left", dx: -46, dy: -22, textAnchor: "start" }),
      Plot.text(["P99 response, ms"], { frameAnchor: "bottom-right", dx: 8, dy: 36, textAnchor: "end" }),
      Plot.line(frontier, { x: "p99", y: "percent", stroke: "var(--ink)", strokeWidth: 1.2, strokeDasharray: "5 4", className: "frontier" }),
      points.map((point) => [
        point.low === null
          ? null
          : Plot.ruleX([point], { x: "p99", y1: 100 * point.low, y2: 100 * point.high, strokeWidth: 3, strokeOpacity: 0.3, className: `whole ${style(point)}` }),
        point.p99_low === null
          ? null
          : Plot.ruleY([point], { y: "percent", x1: "p99_low", x2: "p99_high", strokeWidth: 3, strokeOpacity: 0.3, className: `whole ${style(point)}` }),
        Plot.dot([point], { x: "p99", y: "percent", r: 5, strokeWidth: 2, className: `whole ${point.frontier ? "full" : "hollow"} ${style(point)}` }),
      ]),
    ],
  });
  place.replaceChildren(svg);
  const [scaleX, scaleY] = [svg.scale("x"), svg.scale("y")];
  const placed = points.map((point) => ({
    x: scaleX.apply(point.p99),
    y: scaleY.apply(point.percent),
    text: point.name,
    first: point.frontier,
    title: point.name + (point.frontier ? ", on the frontier" : ""),
    lines: [
      [`P99 ${milliseconds(point.p99)} ms`, point.p99_low === null ? "" : `[${milliseconds(point.p99_low)}, ${milliseconds(point.p99_high)}]`],
      [`${quality.toLowerCase()} ${point.percent.toFixed(1)}%`, point.low === null ? "" : `[${(100 * point.low).toFixed(1)}, ${(100 * point.high).toFixed(1)}]`],
      ...(point.ratio ? [[point.ratio]] : []),
    ],
  }));
  labelPoints(svg, placed, { left: margins.marginLeft, right: width, top: margins.marginTop - 8, bottom: height - margins.marginBottom });
  attachPoints(place, svg, d3.sort(placed, (point) => point.x), `${quality} against P99, precision by precision`);
}

pictures("quantization", drawFrontier);

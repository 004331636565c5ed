// Rate against a percentile: a line for each deployment, the objective, and the highest rate that held.

function drawRates(place, { figure, limit, series }) {
  const width = place.clientWidth;
  const points = series.flatMap(({ deployment, points }) => points.map((point) => ({ ...point, deployment })));
  const figures = points.filter((point) => point.ms !== null).map((point) => point.ms);
  const x = axisOver(points.map((point) => point.rate), { ticks: width < 500 ? 4 : 8, fromZero: true });
  const y = axisOver([...figures, ...(limit === null ? [] : [limit])], { ticks: 6, fromZero: true });
  const top = y.domain[1];
  const level = (point) => point.ms ?? top;
  const shape = (point) => (point.ms === null ? "none" : point.held ? "full" : "hollow");
  const style = (deployment) => `of-${deployment} ${data.deployments[deployment].style}`;
  const highest = series.filter((each) => each.highest !== null);
  const svg = Plot.plot({
    width,
    height: Math.round(Math.min(Math.max(width * 0.5, 260), 420)),
    marginTop: 26,
    marginLeft: 42,
    marginRight: 18,
    marginBottom: 40,
    x: { ...x, label: null },
    y: { ...y, label: null },
    marks: [
      Plot.gridY({ ticks: y.ticks, stroke: "var(--hair)", strokeOpacity: 1 }),
      Plot.gridX({ ticks: x.ticks, stroke: "var(--hair)", strokeOpacity: 1 }),
      Plot.axisY({ ticks: y.ticks, tickSize: 0, label: null, text: plain }),
      Plot.axisX({ ticks: x.ticks, tickSize: 4, label: null, text: plain }),
      Plot.text([`${figure} response, ms`], { frameAnchor: "top-left", dx: -42, dy: -22, textAnchor: "start" }),
      Plot.text(["rate asked for, 1/s"], { frameAnchor: "bottom-right", dx: 8, dy: 36, textAnchor: "end" }),
      limit === null
        ? null
        : [
            Plot.ruleY([limit], { stroke: "var(--alarm)", strokeDasharray: "6 4", strokeWidth: 1.5 }),
            Plot.text([`objective ${milliseconds(limit)} ms`], {
              x: x.domain[0],
              y: limit,
              dx: 6,
              dy: -8,
              textAnchor: "start",
              fill: "var(--alarm)",
            }),
          ],
      highest.map((each) =>
        Plot.dot([each.highest], {
          x: (rate) => rate,
          y: y.domain[0],
          symbol: "triangle",
          r: 6,
          className: `mark full highest ${style(each.deployment)}`,
        }),
      ),
      series.map(({ deployment, points }) => [
        Plot.line(points.filter((point) => point.ms !== null), {
          x: "rate",
          y: "ms",
          strokeWidth: 1.8,
          className: `curve ${style(deployment)}`,
        }),
        points.map((point) => [
          point.low === null
            ? null
            : Plot.ruleX([point], { x: "rate", y1: "low", y2: "high", strokeWidth: 4, strokeOpacity: 0.35, className: `mark ${style(deployment)}` }),
          point.ms === null
            ? Plot.text([point], { x: "rate", y: level, text: ["×"], fontSize: 17, className: `end ${style(deployment)}` })
            : Plot.dot([point], { x: "rate", y: "ms", r: 4, strokeWidth: 1.8, className: `mark ${shape(point)} ${style(deployment)}` }),
        ]),
      ]),
    ],
  });
  place.replaceChildren(svg);
  const [scaleX, scaleY] = [svg.scale("x"), svg.scale("y")];
  attachPoints(
    place,
    svg,
    d3.sort(points, (point) => point.rate).map((point) => ({
      x: scaleX.apply(point.rate),
      y: scaleY.apply(level(point)),
      title: data.deployments[point.deployment].name,
      lines: [
        [`${rateText(point.rate)}/s`, point.ms === null ? `no ${figure}` : `${figure} ${milliseconds(point.ms)} ms`],
        [[point.held ? "held" : point.valid ? "not held" : "INVALID", point.role].filter(Boolean).join(", ")],
        ...(point.why ? [[point.why]] : []),
      ],
    })),
    `${figure} by rate, point by point`,
  );
}

pictures("rates", drawRates);

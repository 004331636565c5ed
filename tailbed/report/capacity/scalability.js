// The Universal Scalability Law: measured throughput by clients, the fitted curve and its peak.

function drawScalability(place, law) {
  const width = place.clientWidth;
  const style = data.deployments[law.deployment].style;
  const clients = law.measured.map(([n]) => n);
  const peak = law.peak_clients === null ? [] : [{ n: law.peak_clients, x: law.peak_per_s }];
  const most = Math.max(...clients, ...peak.map(({ n }) => Math.min(n, 2 * d3.max(clients)))) * 1.08;
  const fitted = (n) => (law.lambda * n) / (1 + law.sigma * (n - 1) + law.kappa * n * (n - 1));
  const curve = d3.range(0, 101).map((step) => 1 + ((most - 1) * step) / 100).map((n) => ({ n, x: fitted(n) }));
  const measured = law.measured.map(([n, x]) => ({ n, x }));
  const seen = peak.filter(({ n }) => n <= most);
  const y = axisOver([...measured, ...curve].map(({ x }) => x), { ticks: 5, fromZero: true, linear: true });
  const x = { type: "linear", domain: [0, most], ticks: width < 400 ? 4 : 6 };
  const svg = Plot.plot({
    width,
    height: 230,
    marginTop: 24,
    marginLeft: 46,
    marginRight: 14,
    marginBottom: 38,
    x: { ...x, label: null },
    y: { ...y, label: null },
    marks: [
      Plot.gridY({ ticks: y.ticks, stroke: "var(--hair)", strokeOpacity: 1 }),
      Plot.axisY({ ticks: y.ticks, tickSize: 0, label: null, text: plain }),
      Plot.axisX({ ticks: x.ticks, tickSize: 4, label: null, text: plain }),
      Plot.text(["answers a second"], { frameAnchor: "top-left", dx: -46, dy: -20, textAnchor: "start" }),
      Plot.text(["clients"], { frameAnchor: "bottom-right", dx: 8, dy: 34, textAnchor: "end" }),
      Plot.line(curve, { x: "n", y: "x", strokeWidth: 1.8, className: `curve ${style}` }),
      Plot.dot(measured, { x: "n", y: "x", r: 4, strokeWidth: 1.8, className: `mark full ${style}` }),
      Plot.dot(seen, { x: "n", y: "x", r: 8, strokeWidth: 1.5, className: `mark ring ${style}` }),
      Plot.text(seen, {
        x: "n",
        y: "x",
        dx: (seen[0]?.n ?? 0) > 0.6 * most ? -14 : 14,
        dy: -9,
        text: (at) => `peak ${plain(Math.round(at.x))}/s at ${at.n.toFixed(1)}`,
        textAnchor: (seen[0]?.n ?? 0) > 0.6 * most ? "end" : "start",
      }),
    ],
  });
  place.replaceChildren(svg);
  const [scaleX, scaleY] = [svg.scale("x"), svg.scale("y")];
  attachPoints(
    place,
    svg,
    measured.map((point) => ({
      x: scaleX.apply(point.n),
      y: scaleY.apply(point.x),
      title: `${point.n} client${point.n === 1 ? "" : "s"}`,
      lines: [[`measured ${rateText(point.x)}/s`], [`fitted ${rateText(fitted(point.n))}/s`]],
    })),
    "Throughput by clients",
  );
}

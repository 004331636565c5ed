// Latency distributions: a panel a scenario, a curve a run, on a percentile axis.
const TICKS = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999];

// The percentile axis: every further nine gets the same room.
const height = (share) => -Math.log10(1 - share);
const share = (height) => 1 - 10 ** -height;

function classes(curve, ...more) {
  const validity = curve.valid ? "valid" : "invalid";
  return [data.deployments[curve.deployment].style, validity, `of-${curve.deployment}`, ...more].join(" ");
}

// The nearest-rank percentile, or why the curve has none there.
function valueAt(curve, u) {
  const rank = Math.max(share(u) * curve.requests - 1e-6, 1);
  const place = d3.bisectLeft(curve.ranks, rank);
  if (place < curve.ranks.length) {
    const text = `${milliseconds(curve.ms[place])} ms`;
    return { ms: curve.ms[place], text: share(u) <= curve.quotable + 1e-9 ? text : `(${text})` };
  }
  return { ms: Infinity, text: curve.failures ? "failed" : "too few requests" };
}

// A curve in two parts: up to where its percentiles may be quoted, and the rest.
function points(curve) {
  const all = curve.ranks.map((rank, place) => ({ u: height(rank / curve.requests), ms: curve.ms[place] }));
  const edge = height(curve.quotable);
  const [within, beyond] = [all.filter((point) => point.u <= edge), all.filter((point) => point.u > edge)];
  const turn = { u: Math.min(edge, all.at(-1).u), ms: (beyond[0] ?? all.at(-1)).ms };
  return { body: [{ u: 0, ms: all[0].ms }, ...within, turn], tail: [turn, ...beyond], last: all.at(-1) };
}

// Axes that all panels share, so that they can be compared; responses on a logarithmic one where the tail is far
// from the median. VALID runs set them.
function distributionAxes() {
  const every = data.sections.distributions.flatMap((panel) => panel.curves);
  const valid = every.filter((curve) => curve.valid);
  const curves = valid.length ? valid : every;
  const widest = d3.max(curves, (curve) => height(curve.ranks.at(-1) / curve.requests)) ?? 1;
  const low = d3.min(curves, (curve) => curve.ms[0]) ?? 0;
  const high = d3.max(curves, (curve) => curve.ms.at(-1)) ?? 1;
  const median = d3.min(curves, (curve) => valueAt(curve, height(0.5)).ms) ?? 1;
  return { widest, response: axisOver([low, high], { ticks: 6, fromZero: true, linear: high / median < 10 }) };
}

function drawDistribution(place, panel) {
  if (!panel.curves.length) {
    place.remove();
    return;
  }
  const { widest, response } = distributionAxes();
  const width = place.clientWidth;
  const ticks = TICKS.map(height).filter((u) => u <= widest + 1e-9);
  const byImportance = d3.sort(panel.curves, (curve) => curve.valid);
  const svg = Plot.plot({
    width,
    height: Math.round(Math.min(Math.max(width * 0.74, 230), 300)),
    marginTop: 22,
    marginLeft: 38,
    marginRight: 10,
    marginBottom: 36,
    x: { domain: [0, widest], label: null },
    y: { ...response, label: null, clamp: true }, // an overloaded run's queue would squeeze all others
    marks: [
      Plot.gridY({ ticks: response.ticks, stroke: "var(--hair)", strokeOpacity: 1 }),
      Plot.gridX({ ticks, stroke: "var(--hair)", strokeOpacity: 1 }),
      Plot.axisY({ ticks: response.ticks, tickSize: 0, label: null, text: plain }),
      Plot.axisX({
        ticks,
        tickSize: 4,
        label: null,
        tickFormat: (u) => `${Number((100 * share(u)).toPrecision(8))}`,
      }),
      Plot.text(["response, ms"], { frameAnchor: "top-left", dx: -38, dy: -20, textAnchor: "start" }),
      Plot.text(["percentile of requests"], { frameAnchor: "bottom-right", dy: 34, textAnchor: "end" }),
      byImportance.map((curve) => {
        const { body, tail, last } = points(curve);
        const line = { x: "u", y: "ms", curve: "step-before", strokeWidth: 1.8, strokeLinejoin: "round" };
        return [
          Plot.line(body, { ...line, className: classes(curve, "curve") }),
          Plot.line(tail, { ...line, className: classes(curve, "curve tail") }),
          curve.failures
            ? Plot.text([last], { x: "u", y: "ms", text: ["×"], fontSize: 15, className: classes(curve, "end") })
            : null,
          curve.valid
            ? null
            : Plot.text([last], {
                x: "u",
                y: "ms",
                text: ["INVALID"],
                textAnchor: "end",
                fontSize: 9,
                dy: -8,
                className: classes(curve, "end"),
              }),
        ];
      }),
    ],
  });
  svg.setAttribute("aria-hidden", "true");
  place.replaceChildren(svg);
  attachCursor(place, svg, panel, widest);
}

pictures("distributions", drawDistribution);

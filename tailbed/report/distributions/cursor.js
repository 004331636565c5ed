// A percentile to be moved over a panel by pointer or arrow keys, and what every curve says there.
const STOPS = [0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999];

// P99.87 rather than P99.9: as many decimals as tell it from 100%.
function percentileName(u) {
  const beyond = Number((100 * 10 ** -u).toPrecision(2));
  const decimals = Math.max(0, Math.ceil(-Math.log10(beyond)) + 1);
  return `P${Number((100 - beyond).toFixed(decimals))}`;
}

function tipTable(caption, rows) {
  const lines = rows.map(({ name, text, swatch }) =>
    element("tr", {}, element("th", { className: "text" }, swatch, name), element("td", { textContent: text })),
  );
  return element("table", {}, element("caption", { textContent: caption }), ...lines);
}

function attachCursor(place, svg, panel, widest) {
  const x = svg.scale("x");
  const y = svg.scale("y");
  const cursor = d3.select(svg).append("g").attr("class", "cursor");
  const stops = STOPS.map(height).filter((u) => u <= widest + 1e-9);

  const draw = (u) => {
    const here = d3.sort(
      panel.curves.map((curve) => ({ curve, ...valueAt(curve, u) })),
      (value) => -value.ms,
    );
    const left = x.apply(u);
    cursor
      .selectAll("line")
      .data([left])
      .join("line")
      .attr("x1", left)
      .attr("x2", left)
      .attr("y1", y.range[0])
      .attr("y2", y.range[1]);
    cursor
      .selectAll("circle")
      .data(here.filter((value) => Number.isFinite(value.ms)))
      .join("circle")
      .attr("class", (value) => classes(value.curve))
      .attr("r", 3.5)
      .attr("cx", left)
      .attr("cy", (value) => y.apply(value.ms));
    const rows = here.map(({ curve, text }) => {
      const name = data.deployments[curve.deployment].name + (curve.valid ? "" : " (INVALID)");
      return { name, text, swatch: swatch(curve.deployment) };
    });
    const spoken = rows.map(({ name, text }) => `${name} ${text}`).join(", ");
    return {
      left,
      content: [tipTable(percentileName(u), rows)],
      now: Number((100 * share(u)).toPrecision(7)),
      text: `${percentileName(u)}: ${spoken}`,
    };
  };
  attachSlider(place, svg, {
    label: `Percentile shown, ${panel.scenario}`,
    least: 0,
    most: 100,
    now: 99,
    start: stops.findLast((u) => u <= height(0.99) + 1e-9),
    nearest: ([px]) =>
      stops.find((u) => Math.abs(x.apply(u) - px) < 5) ?? Math.min(Math.max(x.invert(px), 0), widest),
    steps: (at) => ({
      ArrowRight: stops.find((u) => u > at + 1e-9) ?? stops.at(-1),
      ArrowLeft: stops.findLast((u) => u < at - 1e-9) ?? stops[0],
      Home: stops[0],
      End: stops.at(-1),
    }),
    draw,
    clear: () => cursor.selectAll("*").remove(),
  });
}

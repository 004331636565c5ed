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
  const tip = element("div", { className: "tip", hidden: true });
  place.append(tip);
  const stops = STOPS.map(height).filter((u) => u <= widest + 1e-9);
  let at = stops.findLast((u) => u <= height(0.99) + 1e-9);

  const hide = () => {
    tip.hidden = true;
    cursor.selectAll("*").remove();
  };
  const show = (u) => {
    at = u;
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
    tip.replaceChildren(tipTable(percentileName(u), rows));
    tip.hidden = false;
    placeTip(place, svg, tip, left);
    place.setAttribute("aria-valuenow", String(Number((100 * share(u)).toPrecision(7))));
    const spoken = rows.map(({ name, text }) => `${name} ${text}`).join(", ");
    place.setAttribute("aria-valuetext", `${percentileName(u)}: ${spoken}`);
  };
  const follow = (event) => {
    const [px] = d3.pointer(event, svg);
    const near = stops.find((u) => Math.abs(x.apply(u) - px) < 5);
    show(near ?? Math.min(Math.max(x.invert(px), 0), widest));
  };

  svg.addEventListener("pointermove", follow);
  svg.addEventListener("pointerdown", follow);
  svg.addEventListener("pointerleave", hide);
  place.onfocus = () => show(at);
  place.onblur = hide;
  place.onkeydown = (event) => {
    const next = {
      ArrowRight: stops.find((u) => u > at + 1e-9) ?? stops.at(-1),
      ArrowLeft: stops.findLast((u) => u < at - 1e-9) ?? stops[0],
      Home: stops[0],
      End: stops.at(-1),
    }[event.key];
    if (event.key === "Escape") hide();
    if (next === undefined) return;
    event.preventDefault();
    show(next);
  };
  Object.entries({
    tabindex: "0",
    role: "slider",
    "aria-label": `Percentile shown, ${panel.scenario}`,
    "aria-valuemin": "0",
    "aria-valuemax": "100",
    "aria-valuenow": "99",
  }).forEach(([name, value]) => place.setAttribute(name, value));
}

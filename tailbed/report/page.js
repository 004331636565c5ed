// Sorting of the table, and the pictures. The page shows all its figures without this.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const STOPS = [0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999];
  const TICKS = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999];

  document.documentElement.classList.add("scripted");

  // The percentile axis: every further nine gets the same room.
  const height = (share) => -Math.log10(1 - share);
  const share = (height) => 1 - 10 ** -height;

  // P99.87 rather than P99.9: as many decimals as tell it from 100%.
  function percentileName(u) {
    const beyond = Number((100 * 10 ** -u).toPrecision(2));
    const decimals = Math.max(0, Math.ceil(-Math.log10(beyond)) + 1);
    return `P${Number((100 - beyond).toFixed(decimals))}`;
  }

  function milliseconds(value) {
    const decimals = value > 0 ? Math.min(Math.max(2 - Math.floor(Math.log10(value)), 0), 3) : 0;
    return value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  }

  const plain = (value) => value.toLocaleString("en", { maximumFractionDigits: 6 });

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  // --- Table ---------------------------------------------------------------------------------------------------

  function makeSortable(table) {
    const collator = new Intl.Collator("en", { numeric: true });
    const heads = [...table.querySelectorAll(".keys th")];
    heads.forEach((head, column) => {
      if (!head.dataset.sort) return;
      const key = (body) => {
        const entry = body.rows[0].cells[column];
        if (head.dataset.sort === "text") return entry.textContent.trim();
        return entry.dataset.value === undefined ? null : Number(entry.dataset.value);
      };
      const button = element("button", { type: "button" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
        const sign = direction === "ascending" ? 1 : -1;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", direction);
        const bodies = [...table.tBodies].map((body) => [key(body), body]);
        bodies.sort(([a], [b]) => {
          if (a === null || b === null) return (a === null) - (b === null); // what is missing comes last, either way
          return sign * (typeof a === "string" ? collator.compare(a, b) : a - b);
        });
        table.append(...bodies.map(([, body]) => body));
        table.classList.add("sorted");
      });
    });
  }

  // --- Distributions -------------------------------------------------------------------------------------------

  const classes = (curve, ...more) =>
    [data.deployments[curve.deployment].style, curve.valid ? "valid" : "invalid", `of-${curve.deployment}`, ...more].join(" ");

  // The nearest-rank percentile, or why the curve has none there.
  function valueAt(curve, u) {
    const rank = Math.max(share(u) * curve.requests - 1e-6, 1);
    const place = d3.bisectLeft(curve.ranks, rank);
    if (place < curve.ranks.length) return { ms: curve.ms[place], text: `${milliseconds(curve.ms[place])} ms` };
    return { ms: Infinity, text: curve.failures ? "failed" : "too few requests" };
  }

  function points(curve) {
    const all = curve.ranks.map((rank, place) => ({ rank, u: height(rank / curve.requests), ms: curve.ms[place] }));
    const body = [{ u: 0, ms: curve.ms[0] }, ...all.filter((point) => point.rank <= curve.quotable)];
    return { body, tail: [body.at(-1), ...all.filter((point) => point.rank > curve.quotable)], last: all.at(-1) };
  }

  const curves = data.panels.flatMap((panel) => panel.curves);
  const widest = d3.max(curves, (curve) => height(curve.ranks.at(-1) / curve.requests)) ?? 1;
  const scale = responseScale();

  // One scale for all panels, so that they can be compared; logarithmic where the tail is far from the median.
  function responseScale() {
    const low = d3.min(curves, (curve) => curve.ms[0]) ?? 0;
    const high = d3.max(curves, (curve) => curve.ms.at(-1)) ?? 1;
    const median = d3.min(curves, (curve) => valueAt(curve, height(0.5)).ms) ?? 1;
    if (!(low > 0) || high / median < 10) return { type: "linear", domain: [0, high], nice: true, ticks: 6 };
    const powers = d3.range(-6, 9).map((power) => Number(`1e${power}`));
    const round = powers.flatMap((power) => [power, 2 * power, 5 * power]);
    const domain = [round.findLast((tick) => tick <= low), round.find((tick) => tick >= high)];
    const inside = (ticks) => ticks.filter((tick) => tick >= domain[0] && tick <= domain[1]);
    const ticks = inside(round).length <= 10 ? inside(round) : inside(powers);
    return { type: "log", domain, ticks };
  }

  function drawDistribution(place, panel) {
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
      y: { ...scale, label: null },
      marks: [
        Plot.gridY({ ticks: scale.ticks, stroke: "var(--hair)", strokeOpacity: 1 }),
        Plot.gridX({ ticks, stroke: "var(--hair)", strokeOpacity: 1 }),
        Plot.axisY({ ticks: scale.ticks, tickSize: 0, label: null, text: plain }),
        Plot.axisX({ ticks, tickSize: 4, label: null, tickFormat: (u) => `${Number((100 * share(u)).toPrecision(8))}` }),
        Plot.text(["response, ms"], { frameAnchor: "top-left", dx: -38, dy: -20, textAnchor: "start" }),
        Plot.text(["percentile of requests"], { frameAnchor: "bottom-right", dy: 34, textAnchor: "end" }),
        byImportance.map((curve) => {
          const { body, tail, last } = points(curve);
          const line = { x: "u", y: "ms", curve: "step-before", strokeWidth: 1.8, strokeLinejoin: "round" };
          return [
            Plot.line(body, { ...line, className: classes(curve, "curve") }),
            Plot.line(tail, { ...line, className: classes(curve, "curve tail") }),
            curve.failures ? Plot.text([last], { x: "u", y: "ms", text: ["×"], fontSize: 15, className: classes(curve, "end") }) : null,
            curve.valid
              ? null
              : Plot.text([last], { x: "u", y: "ms", text: ["INVALID"], textAnchor: "end", fontSize: 9, dy: -8, className: classes(curve, "end") }),
          ];
        }),
      ],
    });
    svg.setAttribute("aria-hidden", "true");
    place.replaceChildren(svg);
    attachCursor(place, svg, panel);
  }

  // A percentile to be moved by pointer or arrow keys, and what every curve says there.
  function attachCursor(place, svg, panel) {
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
      cursor.selectAll("line").data([left]).join("line").attr("x1", left).attr("x2", left).attr("y1", y.range[0]).attr("y2", y.range[1]);
      cursor
        .selectAll("circle")
        .data(here.filter((value) => Number.isFinite(value.ms)))
        .join("circle")
        .attr("class", (value) => classes(value.curve))
        .attr("r", 3.5)
        .attr("cx", left)
        .attr("cy", (value) => y.apply(value.ms));
      const name = (value) => data.deployments[value.curve.deployment].name + (value.curve.valid ? "" : " (INVALID)");
      tip.replaceChildren(
        element(
          "table",
          {},
          element("caption", { textContent: percentileName(u) }),
          ...here.map((value) =>
            element("tr", {}, element("th", { className: "text" }, swatch(value.curve.deployment), name(value)), element("td", { textContent: value.text })),
          ),
        ),
      );
      tip.hidden = false;
      const [beside, room] = [left * (place.clientWidth / svg.viewBox.baseVal.width), place.clientWidth];
      const [after, before] = [beside + 10, beside - 10 - tip.offsetWidth];
      const fits = after + tip.offsetWidth <= room || before >= 0; // otherwise below, where it hides no curve
      tip.style.left = `${after + tip.offsetWidth <= room ? after : Math.max(before, 0)}px`;
      tip.style.top = fits ? "0" : "100%";
      place.setAttribute("aria-valuenow", String(Number((100 * share(u)).toPrecision(7))));
      place.setAttribute("aria-valuetext", `${percentileName(u)}: ${here.map((value) => `${name(value)} ${value.text}`).join(", ")}`);
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

  function swatch(deployment) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", `swatch ${data.deployments[deployment].style}`);
    svg.setAttribute("width", "22");
    svg.setAttribute("height", "8");
    svg.append(document.createElementNS(SVG, "path"));
    svg.firstChild.setAttribute("d", "M0 4H22");
    return svg;
  }

  // A deployment of the legend lights up its curves in every panel: while pointed at, or kept on by a click.
  function makeLegend(legend) {
    const kept = new Set();
    const light = (...pointed) => {
      const lit = new Set([...kept, ...pointed]);
      document.querySelector(".panels").classList.toggle("highlighting", lit.size > 0);
      data.deployments.forEach((_, place) =>
        document.querySelectorAll(`.of-${place}`).forEach((mark) => mark.classList.toggle("lit", lit.has(place))),
      );
    };
    for (const entry of legend.children) {
      const place = Number(entry.dataset.deployment);
      const button = element("button", { type: "button", ariaPressed: "false" }, ...entry.childNodes);
      entry.append(button);
      button.addEventListener("click", () => {
        if (!kept.delete(place)) kept.add(place);
        button.ariaPressed = String(kept.has(place));
        light(...(kept.has(place) ? [place] : []));
      });
      button.addEventListener("pointerenter", () => light(place));
      button.addEventListener("pointerleave", () => light());
    }
    return () => light();
  }

  // --- Cold start ----------------------------------------------------------------------------------------------

  function drawColdStart(place) {
    const [bar, gap, head] = [9, 3, 22];
    const bars = [];
    const heads = [];
    let y = 0;
    for (const [deployment, runs] of d3.sort(d3.group(data.cold, (run) => run.deployment), ([deployment]) => deployment)) {
      y += head;
      heads.push({ deployment, y: y - 6 });
      for (const run of runs) {
        bars.push({ ...run, y1: y, y2: y + bar });
        y += bar + gap;
      }
      y += 6;
    }
    const style = (run) => data.deployments[run.deployment].style;
    const end = (run) => Math.max(run.first ?? 0, run.ready);
    const words = (run) => `${milliseconds(run.ready)} → ${run.first === null ? "no correct answer" : milliseconds(run.first)}`;
    const width = Math.min(place.clientWidth, 760);
    const svg = Plot.plot({
      width,
      height: y + 30,
      marginTop: 0,
      marginBottom: 30,
      marginLeft: 0,
      marginRight: 110,
      x: { domain: [0, d3.max(bars, end)], label: null },
      y: { domain: [0, y], range: [0, y], axis: null },
      marks: [
        Plot.gridX({ ticks: 5, stroke: "var(--hair)", strokeOpacity: 1 }),
        Plot.axisX({ ticks: 5, tickSize: 4, label: null, text: plain }),
        Plot.text(["ms"], { frameAnchor: "bottom-right", dy: 18, dx: 24 }),
        bars.map((run) => [
          Plot.rect([run], { x1: 0, x2: "ready", y1: "y1", y2: "y2", className: `bar ${style(run)}` }),
          run.first === null ? null : Plot.rect([run], { x1: "ready", x2: "first", y1: "y1", y2: "y2", className: `bar wait ${style(run)}` }),
          Plot.text([run], { x: end, y: (run) => (run.y1 + run.y2) / 2, text: words, textAnchor: "start", dx: 6, fontVariant: "tabular-nums" }),
        ]),
        Plot.text(heads, { frameAnchor: "left", y: "y", text: (entry) => data.deployments[entry.deployment].name, textAnchor: "start", lineAnchor: "bottom", dy: 2, fill: "var(--ink)", fontSize: 12 }),
      ],
    });
    const spoken = bars.map((run) => `${data.deployments[run.deployment].name}, ${run.scenario}: ${words(run)}`);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `Cold start in milliseconds, ready and first correct answer. ${spoken.join("; ")}`);
    place.replaceChildren(svg);
  }

  // --- Page ----------------------------------------------------------------------------------------------------

  const table = document.querySelector("table.results");
  if (!table) return;
  makeSortable(table);
  const relight = makeLegend(document.querySelector(".legend"));
  let drawn = 0;
  const draw = () => {
    const width = document.querySelector("main").clientWidth;
    if (width === drawn || width < 100) return; // not laid out, as in a hidden frame
    drawn = width;
    document.querySelectorAll(".plot[data-panel]").forEach((place) => {
      const panel = data.panels[Number(place.dataset.panel)];
      if (panel.curves.length) drawDistribution(place, panel);
      else place.remove();
    });
    const cold = document.getElementById("cold-start");
    if (cold) drawColdStart(cold);
    relight();
  };
  draw();
  new ResizeObserver(draw).observe(document.querySelector("main"));
})();

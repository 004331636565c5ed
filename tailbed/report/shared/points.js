// What the points of a picture say: by pointer or touch the nearest one, by arrow keys one after the other.
"use strict";

// Beside a place of the picture, or below the picture where there is no room on either side.
function placeTip(place, svg, tip, left) {
  const [beside, room] = [left * (place.clientWidth / svg.viewBox.baseVal.width), place.clientWidth];
  const [after, before] = [beside + 12, beside - 12 - tip.offsetWidth];
  const fits = after + tip.offsetWidth <= room || before >= 0;
  tip.style.left = `${after + tip.offsetWidth <= room ? after : Math.max(before, 0)}px`;
  tip.style.top = fits ? "0" : "100%";
}

// Makes the place a slider over `points`, each with its pixels {x, y}, its title and lines of words.
function attachPoints(place, svg, points, label) {
  svg.setAttribute("aria-hidden", "true");
  if (!points.length) return;
  const ring = d3.select(svg).append("circle").attr("class", "cursor").attr("r", 9).attr("visibility", "hidden");
  const tip = element("div", { className: "tip", hidden: true });
  place.append(tip);
  let at = 0;
  const hide = () => {
    tip.hidden = true;
    ring.attr("visibility", "hidden");
  };
  const show = (index) => {
    at = index;
    const { x, y, title, lines } = points[index];
    const words = lines.map((line) => line.filter(Boolean).join(", "));
    ring.attr("cx", x).attr("cy", y).attr("visibility", "visible");
    tip.replaceChildren(element("strong", { textContent: title }), ...words.map((text) => element("div", { textContent: text })));
    tip.hidden = false;
    placeTip(place, svg, tip, x);
    place.setAttribute("aria-valuenow", String(index + 1));
    place.setAttribute("aria-valuetext", [title, ...words].join("; "));
  };
  const follow = (event) => {
    const [px, py] = d3.pointer(event, svg);
    show(d3.minIndex(points, ({ x, y }) => (x - px) ** 2 + (y - py) ** 2));
  };
  svg.addEventListener("pointermove", follow);
  svg.addEventListener("pointerdown", follow);
  svg.addEventListener("pointerleave", hide);
  place.onfocus = () => show(at);
  place.onblur = hide;
  place.onkeydown = (event) => {
    const last = points.length - 1;
    const next = { ArrowRight: Math.min(at + 1, last), ArrowLeft: Math.max(at - 1, 0), Home: 0, End: last }[event.key];
    if (event.key === "Escape") hide();
    if (next === undefined) return;
    event.preventDefault();
    show(next);
  };
  Object.entries({
    tabindex: "0",
    role: "slider",
    "aria-label": label,
    "aria-valuemin": "1",
    "aria-valuemax": String(points.length),
    "aria-valuenow": "1",
  }).forEach(([name, value]) => place.setAttribute(name, value));
}

// A picture that is moved over by pointer, touch or arrow keys; a slider to a screen reader.
"use strict";

// Beside a place of the picture, or below the picture where there is no room on either side.
function placeTip(place, svg, tip, left) {
  const [beside, room] = [left * (place.clientWidth / svg.viewBox.baseVal.width), place.clientWidth];
  const [after, before] = [beside + 12, beside - 12 - tip.offsetWidth];
  const fits = after + tip.offsetWidth <= room || before >= 0;
  tip.style.left = `${after + tip.offsetWidth <= room ? after : Math.max(before, 0)}px`;
  tip.style.top = fits ? "0" : "100%";
}

// Makes `place`, around `svg`, a slider from `least` to `most`, at `now`. Its values are the caller's own: `start` is shown
// first, `nearest` gives that of a place [x, y] of the picture, `steps` those that the keys lead to from another one. `draw`
// marks a value in the picture and gives what is said of it: {left, content, now, text}; `clear` takes the mark away.
function attachSlider(place, svg, { label, least, most, now, start, nearest, steps, draw, clear }) {
  const tip = element("div", { className: "tip", hidden: true });
  place.append(tip);
  let at = start;
  const hide = () => {
    tip.hidden = true;
    clear();
  };
  const show = (value) => {
    at = value;
    const { left, content, now, text } = draw(value);
    tip.replaceChildren(...content);
    tip.hidden = false;
    placeTip(place, svg, tip, left);
    place.setAttribute("aria-valuenow", String(now));
    place.setAttribute("aria-valuetext", text);
  };
  const follow = (event) => show(nearest(d3.pointer(event, svg)));
  svg.addEventListener("pointermove", follow);
  svg.addEventListener("pointerdown", follow);
  svg.addEventListener("pointerleave", hide);
  place.onfocus = () => show(at);
  place.onblur = hide;
  place.onkeydown = (event) => {
    if (event.key === "Escape") hide();
    const next = steps(at)[event.key];
    if (next === undefined) return;
    event.preventDefault();
    show(next);
  };
  Object.entries({
    tabindex: "0",
    role: "slider",
    "aria-label": label,
    "aria-valuemin": String(least),
    "aria-valuemax": String(most),
    "aria-valuenow": String(now),
  }).forEach(([name, value]) => place.setAttribute(name, value));
}

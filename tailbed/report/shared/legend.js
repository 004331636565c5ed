// A legend lights up a deployment's curves in its section: while pointed at, or kept on by a click.
"use strict";

// Returns what to call when the pictures were drawn anew.
function makeLegend(legend) {
  const section = legend.closest("section");
  const places = [...legend.children].map((entry) => Number(entry.dataset.deployment));
  const kept = new Set();
  const light = (...pointed) => {
    const lit = new Set([...kept, ...pointed]);
    section.classList.toggle("highlighting", lit.size > 0);
    places.forEach((place) =>
      section.querySelectorAll(`.of-${place}`).forEach((mark) => mark.classList.toggle("lit", lit.has(place))),
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

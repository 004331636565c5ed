// The legend lights up a deployment's curves in every panel: while pointed at, or kept on by a click.
"use strict";

// Returns what to call when the panels were drawn anew.
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

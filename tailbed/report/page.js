// Brings the page to life. It shows all its figures without.
"use strict";

function drawPictures() {
  for (const place of document.querySelectorAll(".plot[data-section]")) {
    if (!place.clientWidth) continue; // folded away
    drawers.get(place.dataset.section)(place, data.sections[place.dataset.section][Number(place.dataset.panel)]);
  }
}

function start() {
  document.documentElement.classList.add("scripted");
  document.querySelectorAll(".sortable").forEach(makeSortable);
  const relights = [...document.querySelectorAll(".legend")].map(makeLegend);
  const main = document.querySelector("main");
  let drawn = 0;
  const draw = () => {
    drawPictures();
    relights.forEach((relight) => relight());
  };
  const fit = () => {
    if (main.clientWidth === drawn || main.clientWidth < 100) return; // not laid out, as in a hidden frame
    drawn = main.clientWidth;
    draw();
  };
  fit();
  new ResizeObserver(fit).observe(main);
  document.querySelectorAll("details.more").forEach((folded) => folded.addEventListener("toggle", draw));
  // On paper nothing can be unfolded.
  const folded = [...document.querySelectorAll("details:not([open])")];
  addEventListener("beforeprint", () => {
    folded.forEach((each) => (each.open = true));
    draw();
  });
  addEventListener("afterprint", () => folded.forEach((each) => (each.open = false)));
}

start();

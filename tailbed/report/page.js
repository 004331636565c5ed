// Brings the page to life. It shows all its figures without.
"use strict";

function drawPictures() {
  const axes = distributionAxes();
  for (const place of document.querySelectorAll(".plot[data-panel]")) {
    const panel = data.panels[Number(place.dataset.panel)];
    if (panel.curves.length) drawDistribution(place, panel, axes);
    else place.remove();
  }
  const cold = document.getElementById("cold-start");
  if (cold) drawColdStart(cold);
}

function start() {
  document.documentElement.classList.add("scripted");
  makeSortable(document.querySelector(".results"));
  const relight = makeLegend(document.querySelector(".legend"));
  const main = document.querySelector("main");
  let drawn = 0;
  const draw = () => {
    if (main.clientWidth === drawn || main.clientWidth < 100) return; // not laid out, as in a hidden frame
    drawn = main.clientWidth;
    drawPictures();
    relight();
  };
  draw();
  new ResizeObserver(draw).observe(main);
}

if (document.querySelector(".results")) start();

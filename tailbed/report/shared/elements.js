// What every part of the page uses: its data, numbers as text, elements, and the list of what is drawn.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const drawers = new Map();

// A section's script says how one of its panels is drawn into its place.
function pictures(section, draw) {
  drawers.set(section, draw);
}

// Three significant digits, at most a microsecond.
function milliseconds(value) {
  const decimals = value > 0 ? Math.min(Math.max(2 - Math.floor(Math.log10(value)), 0), 3) : 0;
  return value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

// A rate: whole from 100 on.
const rateText = (value) => (value >= 100 ? plain(Math.round(value)) : milliseconds(value));

// A change as percent, with its sign.
const signedPercent = (share) => `${share < 0 ? "−" : "+"}${Math.abs(100 * share).toFixed(1)}%`;

// An axis tick: 0.5, 20, 1,000.
const plain = (value) => value.toLocaleString("en", { maximumFractionDigits: 6 });

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// The line by which a deployment is known in the pictures.
function swatch(deployment) {
  const svg = d3.create("svg:svg").attr("class", `swatch ${data.deployments[deployment].style}`);
  svg.attr("width", 22).attr("height", 8).append("path").attr("d", "M0 4H22");
  return svg.node();
}

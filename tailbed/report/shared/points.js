// What the points of a picture say: by pointer or touch the nearest one, by arrow keys one after the other.
"use strict";

// Makes the place a slider over `points`, each with its pixels {x, y}, its title and lines of words.
function attachPoints(place, svg, points, label) {
  svg.setAttribute("aria-hidden", "true");
  if (!points.length) return;
  const ring = d3.select(svg).append("circle").attr("class", "cursor").attr("r", 9).attr("visibility", "hidden");
  const last = points.length - 1;
  attachSlider(place, svg, {
    label,
    least: 1,
    most: points.length,
    now: 1,
    start: 0,
    nearest: ([px, py]) => d3.minIndex(points, ({ x, y }) => (x - px) ** 2 + (y - py) ** 2),
    steps: (at) => ({ ArrowRight: Math.min(at + 1, last), ArrowLeft: Math.max(at - 1, 0), Home: 0, End: last }),
    draw: (index) => {
      const { x, y, title, lines } = points[index];
      const words = lines.map((line) => line.filter(Boolean).join(", "));
      ring.attr("cx", x).attr("cy", y).attr("visibility", "visible");
      const content = [
        element("strong", { textContent: title }),
        ...words.map((text) => element("div", { textContent: text })),
      ];
      return { left: x, content, now: index + 1, text: [title, ...words].join("; ") };
    },
    clear: () => ring.attr("visibility", "hidden"),
  });
}

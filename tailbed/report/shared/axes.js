// Axes, and text that has to fit beside them.
"use strict";

// A scale over positive values: logarithmic where they span more than a decade, else linear.
//   fromZero  a linear one begins at zero
//   linear    whatever they span
//   spread    the factor by which a logarithmic one reaches beyond them
function axisOver(values, { ticks, fromZero = false, linear = false, spread = 1 }) {
  const [low, high] = values.length ? d3.extent(values) : [1, 1];
  if (linear || !(low > 0) || high / low < 10) {
    const room = fromZero ? 0 : Math.max(0.08 * (high - low), 0.02 * high);
    const scale = d3.scaleLinear().domain([fromZero ? 0 : Math.max(low - room, 0), high + room || 1]).nice(ticks);
    return { type: "linear", domain: scale.domain(), ticks: scale.ticks(ticks) };
  }
  const powers = d3.range(-6, 9).map((power) => Number(`1e${power}`));
  const round = powers.flatMap((power) => [power, 2 * power, 5 * power]);
  const domain = [round.findLast((tick) => tick <= low / spread), round.find((tick) => tick >= high * spread)];
  const inside = (list) => list.filter((tick) => tick >= domain[0] && tick <= domain[1]);
  return { type: "log", domain, ticks: inside(round).length <= 1.6 * ticks ? inside(round) : inside(powers) };
}

// Cut to a width in pixels, at 12 to 13 pixels a line.
function fitting(text, width) {
  const most = Math.max(Math.floor(width / 6.4), 6);
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

// Names beside points where there is room, the ones that count first; the others are told by the pointer.
function labelPoints(svg, points, frame) {
  const taken = points.map(({ x, y }) => ({ left: x - 6, right: x + 6, top: y - 6, bottom: y + 6 }));
  const free = (box) =>
    box.left >= frame.left &&
    box.right <= frame.right &&
    box.top >= frame.top &&
    box.bottom <= frame.bottom &&
    taken.every((other) => box.right < other.left || box.left > other.right || box.bottom < other.top || box.top > other.bottom);
  const group = d3.select(svg).append("g").attr("class", "labels");
  for (const { x, y, text, first } of d3.sort(points, (point) => !point.first)) {
    const width = 6.2 * text.length;
    const sides = [
      { dx: 9, dy: 4, anchor: "start", left: x + 8 },
      { dx: -9, dy: 4, anchor: "end", left: x - 8 - width },
      { dx: 0, dy: -11, anchor: "middle", left: x - width / 2 },
      { dx: 0, dy: 19, anchor: "middle", left: x - width / 2 },
    ];
    for (const { dx, dy, anchor, left } of sides) {
      const box = { left, right: left + width, top: y + dy - 10, bottom: y + dy + 3 };
      if (!free(box)) continue;
      taken.push(box);
      group
        .append("text")
        .attr("x", x + dx)
        .attr("y", y + dy)
        .attr("text-anchor", anchor)
        .attr("class", first ? "first" : "")
        .text(text);
      break;
    }
  }
}

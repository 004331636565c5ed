// Sorting a table by a column: its heading is a button, for pointer and keyboard.
"use strict";

function makeSortable(table) {
  const collator = new Intl.Collator("en", { numeric: true });
  const heads = [...table.querySelectorAll(".keys th")];
  // What moves as one: a row, or a row with the remarks below it.
  const whole = table.classList.contains("results");
  const units = () => [...(whole ? table.tBodies : table.tBodies[0].rows)];
  heads.forEach((head, column) => {
    if (!head.dataset.sort) return;
    const key = (unit) => {
      const entry = (whole ? unit.rows[0] : unit).cells[column];
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
      const keyed = units().map((unit) => [key(unit), unit]);
      keyed.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null); // what is missing comes last, either way
        return sign * (typeof a === "string" ? collator.compare(a, b) : a - b);
      });
      (whole ? table : table.tBodies[0]).append(...keyed.map(([, unit]) => unit));
      table.classList.add("sorted");
    });
  });
}

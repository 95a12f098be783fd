"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const details = document.getElementById("details");
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const row = (id) => all("svg .row").find((each) => each.dataset.box === id);

  const add = (parent, tag, text, kind) => {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    if (kind) made.className = kind;
    parent.append(made);
    return made;
  };

  const choose = (number) => {
    const arrow = data.arrows[number];
    all("svg .arrow").forEach((each) => each.classList.toggle("chosen", each.dataset.arrow === String(number)));
    all("#connections button").forEach((each) =>
      each.setAttribute("aria-pressed", String(each.dataset.arrow === String(number))));
    all("svg .row").forEach((each) => each.classList.remove("ends"));
    for (const end of [arrow.source, arrow.target]) {
      const found = row(end);
      if (found) found.classList.add("ends");
    }
    details.replaceChildren();
    const head = add(details, "p");
    const kind = arrow.says === "not asked" ? "unasked" : arrow.says;
    add(head, "strong", arrow.says, "verdict " + kind);
    head.append(" " + arrow.label);
    if (arrow.detail) add(details, "p", arrow.detail);
    for (const cause of arrow.causes) {
      const line = add(details, "p");
      add(line, "strong", cause.code + " ");
      line.append(cause.sentence);
      if (cause.evidence.length) {
        const list = add(details, "ul");
        cause.evidence.forEach((each) => add(list, "li", each));
      }
      if (cause.fix.length) {
        add(details, "p", "Fix:");
        add(details, "pre", cause.fix.join("\n"));
      }
    }
    if (arrow.command) {
      add(details, "p", "Type:");
      add(details, "pre", arrow.command);
    }
  };

  all("[data-arrow]").forEach((each) => {
    if (each.tagName === "LI") return;
    each.addEventListener("click", () => choose(Number(each.dataset.arrow)));
    each.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        choose(Number(each.dataset.arrow));
      }
    });
  });

  const search = document.getElementById("search");
  const apply = () => {
    const wanted = search.value.trim().toLowerCase();
    const missed = new Set(data.boxes.filter((box) => wanted && !box.words.includes(wanted)).map((box) => box.id));
    const shown = new Set(all(".filter input:checked").map((each) => each.dataset.says));
    all("svg .row").forEach((each) => each.classList.toggle("missed", missed.has(each.dataset.box)));
    all("svg .arrow, #connections li[data-arrow]").forEach((each) => {
      const arrow = data.arrows[Number(each.dataset.arrow)];
      const kind = arrow.says === "not asked" ? "unasked" : arrow.says;
      const away = missed.has(arrow.source) && missed.has(arrow.target);
      each.classList.toggle("hidden", away || !shown.has(kind));
    });
    const found = data.boxes.length - missed.size;
    document.getElementById("found").textContent = wanted ? found + " of " + data.boxes.length : "";
  };
  search.addEventListener("input", apply);
  all(".filter input").forEach((each) => each.addEventListener("change", apply));

  const worst = data.arrows.findIndex((each) => each.says === "broken");
  if (worst >= 0) choose(worst);
})();

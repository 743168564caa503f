// The ladder: one row for each rung, a column for each host; a message is a button that shows its text.
const [KIND, AT, LABEL, SOURCE, GOAL, NOTE, MARK, COPIES, MESSAGE, EVENT] = Array(10).keys();
const PAGE = 200; // rows that are drawn at once
const EDGE = 76, SIGN = 7.3; // pixels beside the outer columns, and of one letter of the labels

function grid(columns, narrow) {
  const gap = narrow ? 190 : columns.length < 3 ? 380 : columns.length === 3 ? 232 : 205;
  return { width: 2 * EDGE + gap * (columns.length - 1), x: (place) => EDGE + gap * place };
}

function lifelines(space, columns, height) {
  return columns.map((_, place) => draw("line", { class: "life", x1: space.x(place), x2: space.x(place), y1: 0, y2: height }));
}

function heads(space, columns) {
  const room = Math.floor((space.x(1) - space.x(0) - 12) / SIGN);
  const hosts = columns.map(([name, address, ours], place) => {
    const x = space.x(place), middle = { x, "text-anchor": "middle" };
    return draw("g", { class: ours ? "host ours" : "host" }, draw("title", {}, `${name} ${address}`),
      draw("rect", { x: x - EDGE + 4, y: 2, width: 2 * EDGE - 8, height: 36, rx: 5 }),
      draw("text", { ...middle, y: 17, class: "host-name" }, shortened(name, Math.min(room, 19))),
      draw("text", { ...middle, y: 31, class: "host-address" }, shortened(address, Math.min(room, 23))));
  });
  return draw("svg", { width: space.width, height: 42, viewBox: `0 0 ${space.width} 42`, "aria-hidden": true },
    lifelines(space, columns, 42).map((line) => (line.setAttribute("y1", 38), line)), hosts);
}

const words = (row) => (row[COPIES] > 1 ? `${row[LABEL]} ×${row[COPIES]}` : row[LABEL]);

function arrow(space, columns, row) {
  const height = 30, from = space.x(row[SOURCE]), to = space.x(row[GOAL]);
  const way = to > from ? 1 : -1, room = Math.floor((Math.abs(to - from) - 18) / SIGN);
  const text = row[COPIES] > 1 ? `${shortened(row[LABEL], room - 4)} ×${row[COPIES]}` : shortened(row[LABEL], room);
  return draw("svg", { width: space.width, height, viewBox: `0 0 ${space.width} ${height}`, "aria-hidden": true },
    lifelines(space, columns, height),
    draw("text", { x: (from + to) / 2, y: 15, "text-anchor": "middle", class: "label" }, text),
    draw("line", { class: "shaft", x1: from, x2: to - 7 * way, y1: 22, y2: 22 }),
    draw("path", { class: "tip", d: `M${to} 22l${-9 * way} -4.5v9z` }));
}

function fact(space, columns, row) {
  return make("span", { class: "lane" },
    draw("svg", { class: "back", width: space.width, height: "100%", "aria-hidden": true }, lifelines(space, columns, "100%")),
    make("bdi", { class: "says" }, words(row)));
}

function spoken(columns, row) {
  const when = row[AT] === null ? "" : `${seconds(row[AT])} seconds, `;
  const way = row[SOURCE] === null ? "" : `from ${columns[row[SOURCE]][0]} to ${columns[row[GOAL]][0]}: `;
  const times = row[COPIES] > 1 ? `, ${row[COPIES]} times` : "";
  const mark = { "✓": ", in time", "✗": ", not as expected", "!": ", barely" }[row[MARK]] || "";
  const kind = { ghost: "Missing: ", again: "Retransmission, ", media: "Audio, " }[row[KIND]] || "";
  return `${kind}${when}${way}${row[LABEL]}${times}${row[NOTE] ? ", " + row[NOTE] : ""}${mark}`;
}

function rung(space, one, place, before, choose) {
  const row = one.rows[place], columns = one.columns;
  const shown = row[SOURCE] === null ? fact(space, columns, row) : arrow(space, columns, row);
  const mark = { "✓": "good", "✗": "bad", "!": "odd" }[row[MARK]] || "";
  const later = row[AT] === null || before === null ? "" : `+${seconds(Math.max(0, row[AT] - before))}`;
  const cells = [
    make("span", { class: "at" }, row[AT] === null ? "" : seconds(row[AT])),
    make("span", { class: "later" }, later),
    shown,
    make("span", { class: "beside" }, make("bdi", {}, row[NOTE]), row[MARK] ? make("b", { class: mark }, ` ${row[MARK]}`) : ""),
  ];
  const about = spoken(columns, row);
  const held = row[MESSAGE] === null
    ? make("div", { class: `rung ${row[KIND]}`, role: "img", "aria-label": about }, cells)
    : make("button", { type: "button", class: `rung ${row[KIND]} ${mark}`, "aria-pressed": "false", "aria-label": `${about}. Show the message`,
        on: { click: (event) => choose(place, event.currentTarget) } }, cells);
  return make("li", { "data-event": row[EVENT] }, held);
}

// Returns the ladder of a try; `choose(place, button)` is called for a message. A narrow one has
// room for another beside it.
function ladder(one, choose, narrow = false) {
  if (!one.rows.length) return make("p", { class: "note" }, "Nothing was sent or received.");
  const space = grid(one.columns, narrow), rows = make("ol", { class: "rungs" });
  const more = make("button", { type: "button", class: "more" });
  let drawn = 0, before = null;
  const goOn = (most) => {
    const until = Math.min(one.rows.length, Math.max(drawn, most));
    const added = document.createDocumentFragment();
    for (; drawn < until; drawn++) {
      added.append(rung(space, one, drawn, before, choose));
      if (one.rows[drawn][AT] !== null) before = one.rows[drawn][AT];
    }
    rows.append(added);
    more.hidden = drawn >= one.rows.length;
    more.textContent = `Show ${Math.min(PAGE, one.rows.length - drawn)} more of ${one.rows.length} rows`;
  };
  more.addEventListener("click", () => {
    const next = drawn;
    goOn(drawn + PAGE);
    rows.children[next]?.querySelector("button")?.focus();
  });
  goOn(PAGE);
  rows.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches("button.rung")) return;
    const every = [...rows.querySelectorAll("button.rung")];
    const next = every[every.indexOf(event.target) + step];
    if (next) { event.preventDefault(); next.focus(); }
  });
  const left = one.left_out ? make("p", { class: "note" }, `${one.left_out} more rows are left out here; trace.json has them all.`) : "";
  const hosts = one.columns.map(([name, address]) => `${name} ${address}`.trim()).join(", ");
  const box = make("div", { class: narrow ? "ladder narrow" : "ladder", role: "group", "aria-label": `Ladder of ${hosts}` },
    make("div", { class: "rung heads" }, make("span", { class: "at" }, "s"), make("span", { class: "later" }, "after"), heads(space, one.columns), make("span", { class: "beside" })),
    rows, more, left);
  box.show = (event) => {
    const place = one.rows.findIndex((row) => row[EVENT] === event);
    if (place < 0) return;
    if (place >= drawn) goOn(place + 1);
    const row = rows.children[place];
    row.scrollIntoView({ block: "center" });
    const held = row.firstElementChild;
    if (held.matches("button")) held.click();
    else held.tabIndex = -1; // no message, but the reader is led there
    held.focus({ preventScroll: true });
  };
  box.has = (event) => event !== null && one.rows.some((row) => row[EVENT] === event);
  return box;
}

// The text of a message beside the ladder, and two of them compared line by line.
const MOST_LINES = 1500; // of each side; beyond, a comparison would take too long

function same(left, right) {
  const table = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i--)
    for (let j = right.length - 1; j >= 0; j--)
      table[i][j] = left[i] === right[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
  return table;
}

// Returns [sign, line] of every line: " " in both, "-" only left, "+" only right.
function compared(left, right) {
  const table = same(left, right), found = [];
  let i = 0, j = 0;
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) found.push([" ", left[i++]]), j++;
    else if (j >= right.length || (i < left.length && table[i + 1][j] >= table[i][j + 1])) found.push(["-", left[i++]]);
    else found.push(["+", right[j++]]);
  }
  return found;
}

function lines(rows) {
  const kinds = { "-": "gone", "+": "come", " ": "" };
  const spoken = { "-": "only in the first: ", "+": "only in the second: " };
  return make("pre", { class: "wire-text compared", tabindex: 0 }, rows.map(([sign, text]) =>
    make("span", { class: `line ${kinds[sign]}` }, sign === " " ? "" : make("span", { class: "hidden-text" }, spoken[sign]),
      make("span", { "aria-hidden": true }, `${sign} `), text, "\n")));
}

// Returns the panel, a function that returns what shows a row of a try in it, and the one that closes it.
// Several tries may share a panel, so that a message of one is compared with a message of another.
function messagePanel(hint = "Choose a message of the ladder to see its text.") {
  const panel = make("aside", { class: "wire", "aria-label": "Message" });
  let chosen = null, kept = null;
  const title = ({ one, place, whose }) => {
    const row = one.rows[place];
    return `${whose ? `${whose}: ` : ""}${words(row)}, ${seconds(row[AT])} s, ${one.columns[row[SOURCE]][0]} → ${one.columns[row[GOAL]][0]}`;
  };
  const textOf = ({ one, place }) => one.messages[one.rows[place][MESSAGE]];
  const empty = () => {
    panel.replaceChildren(make("p", { class: "hint" }, hint));
  };
  const close = () => {
    const button = chosen?.button;
    if (button) button.setAttribute("aria-pressed", "false");
    chosen = kept = null;
    empty();
    button?.focus();
  };
  const shown = () => {
    const text = textOf(chosen);
    const tools = make("p", { class: "tools" });
    if (kept && (kept.place !== chosen.place || kept.one !== chosen.one)) {
      const left = textOf(kept).split("\n"), right = text.split("\n");
      tools.append(make("button", { type: "button", on: { click: () => { kept = null; shown(); } } }, "End comparing"));
      panel.replaceChildren(
        make("h5", {}, make("span", { class: "gone" }, "− ", make("bdi", {}, title(kept))), make("br"), make("span", { class: "come" }, "+ ", make("bdi", {}, title(chosen)))), tools,
        left.length > MOST_LINES || right.length > MOST_LINES
          ? make("p", { class: "note" }, "These messages are too long to be compared here.") : lines(compared(left, right)));
      return;
    }
    const waiting = kept !== null;
    tools.append(
      make("button", { type: "button", "aria-pressed": String(waiting), on: { click: () => { kept = waiting ? null : { ...chosen }; shown(); panel.querySelector("button").focus(); } } },
        waiting ? "Now choose the other message …" : "Compare with another"),
      make("button", { type: "button", on: { click: close } }, "Close"));
    panel.replaceChildren(make("h5", {}, make("bdi", {}, title(chosen))), tools,
      make("pre", { class: "wire-text", tabindex: 0, "aria-label": "Text of the message, secrets taken out" }, text));
  };
  empty();
  return [panel, (one, whose = "") => (place, button) => {
    chosen?.button.setAttribute("aria-pressed", "false");
    chosen = { one, whose, place, button };
    button.setAttribute("aria-pressed", "true");
    shown();
  }, () => chosen && close()];
}

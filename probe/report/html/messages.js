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

// Returns the panel, the function that shows a row of a try in it, and the one that closes it.
function messagePanel(one) {
  const panel = make("aside", { class: "wire", "aria-label": "Message" });
  let chosen = null, kept = null;
  const title = (row) => `${words(row)}, ${seconds(row[AT])} s, ${one.columns[row[SOURCE]][0]} → ${one.columns[row[GOAL]][0]}`;
  const empty = () => {
    panel.replaceChildren(make("p", { class: "hint" }, "Choose a message of the ladder to see its text."));
  };
  const close = () => {
    const button = chosen?.button;
    if (button) button.setAttribute("aria-pressed", "false");
    chosen = kept = null;
    empty();
    button?.focus();
  };
  const shown = () => {
    const row = one.rows[chosen.place], text = one.messages[row[MESSAGE]];
    const tools = make("p", { class: "tools" });
    if (kept && kept.place !== chosen.place) {
      const first = one.rows[kept.place], other = one.messages[first[MESSAGE]];
      const left = other.split("\n"), right = text.split("\n");
      tools.append(make("button", { type: "button", on: { click: () => { kept = null; shown(); } } }, "End comparing"));
      panel.replaceChildren(
        make("h5", {}, make("span", { class: "gone" }, "− ", make("bdi", {}, title(first))), make("br"), make("span", { class: "come" }, "+ ", make("bdi", {}, title(row)))), tools,
        left.length > MOST_LINES || right.length > MOST_LINES
          ? make("p", { class: "note" }, "These messages are too long to be compared here.") : lines(compared(left, right)));
      return;
    }
    const waiting = kept !== null;
    tools.append(
      make("button", { type: "button", "aria-pressed": String(waiting), on: { click: () => { kept = waiting ? null : { ...chosen }; shown(); panel.querySelector("button").focus(); } } },
        waiting ? "Now choose the other message …" : "Compare with another"),
      make("button", { type: "button", on: { click: close } }, "Close"));
    panel.replaceChildren(make("h5", {}, make("bdi", {}, title(row))), tools,
      make("pre", { class: "wire-text", tabindex: 0, "aria-label": "Text of the message, secrets taken out" }, text));
  };
  empty();
  return [panel, (place, button) => {
    chosen?.button.setAttribute("aria-pressed", "false");
    chosen = { place, button };
    button.setAttribute("aria-pressed", "true");
    shown();
  }, () => chosen && close()];
}

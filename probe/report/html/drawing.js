// Elements from data. Text is set as text, never read as markup.
const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children.flat()) if (child !== null && child !== undefined && child !== "") node.append(child);
  return node;
}

const make = (tag, attributes, ...children) => filled(document.createElement(tag), attributes, children);
const draw = (tag, attributes, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

let lastId = 0;
const newId = (stem) => `${stem}-${++lastId}`;

// A part with a heading, or nothing where there is nothing in it.
function part(title, name, ...children) {
  const held = children.flat().filter((child) => child);
  if (!held.length) return null;
  const id = newId("part");
  return make("section", { class: `part ${name}`, "aria-labelledby": id }, make("h4", { id }, title), held);
}

function list(texts) {
  return texts.length ? make("ul", {}, texts.map((text) => make("li", { dir: "auto" }, text))) : null;
}

function table(caption, heads, rows) {
  if (!rows.length) return null;
  const head = make("tr", {}, heads.map((text) => make("th", { scope: "col" }, text)));
  const body = rows.map((cells) =>
    make("tr", {}, cells.map((cell, place) => (place ? make("td", {}, cell) : make("th", { scope: "row" }, cell)))));
  return make("div", { class: "wide", tabindex: 0, role: "group", "aria-label": caption },
    make("table", {}, make("caption", { class: "hidden-text" }, caption), make("thead", {}, head), make("tbody", {}, body)));
}

const seconds = (value) => value.toFixed(3);
const shortened = (text, room) => (text.length <= room ? text : text.slice(0, Math.max(1, room - 1)) + "…");

// Opens, closes and filters the findings. A finding is unpacked and drawn when it is opened first.
const MOST_AT_ONCE = 100; // findings that one press of a button opens

async function unpacked(section) {
  const held = section.querySelector("script.data").textContent.trim();
  const bytes = Uint8Array.from(atob(held), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
}

function tabs(tries, good) {
  const body = make("div", { role: "tabpanel", id: newId("try"), tabindex: 0 });
  const buttons = tries.map((one) => {
    const outcome = { MET: "met", NOT_MET: "not met", INCONCLUSIVE: "inconclusive" }[one.outcome];
    return make("button", { type: "button", role: "tab", id: newId("tab"), "aria-controls": body.id }, `Attempt ${one.number}${outcome ? `: ${outcome}` : ""}`);
  });
  const choose = (place) => {
    buttons.forEach((button, other) => {
      button.setAttribute("aria-selected", String(other === place));
      button.tabIndex = other === place ? 0 : -1;
    });
    body.setAttribute("aria-labelledby", buttons[place].id);
    body.replaceChildren(...tryPanel(tries[place], place === buttons.length - 1 ? good : null).filter(Boolean));
  };
  const bar = make("div", { role: "tablist", "aria-label": "Attempts" }, buttons);
  buttons.forEach((button, place) => button.addEventListener("click", () => choose(place)));
  bar.addEventListener("keydown", (event) => {
    const now = buttons.indexOf(document.activeElement), last = buttons.length - 1;
    const next = { ArrowRight: now === last ? 0 : now + 1, ArrowLeft: now ? now - 1 : last, Home: 0, End: last }[event.key];
    if (next === undefined || now < 0) return;
    event.preventDefault();
    choose(next);
    buttons[next].focus();
  });
  choose(tries.length - 1);
  return [bar, body];
}

function facts(pairs) {
  return make("dl", { class: "facts" }, pairs.map(([key, value]) => make("div", {}, make("dt", {}, key), make("dd", {}, make("bdi", {}, value)))));
}

async function open(section) {
  const opener = section.querySelector(".opener"), detail = section.querySelector(".detail");
  opener.setAttribute("aria-expanded", "true");
  detail.hidden = false;
  section.classList.add("open");
  if (detail.childElementCount) return;
  if (!section.querySelector("script.data").textContent.trim()) {
    detail.append(make("p", { class: "note" }, "The page would be too large with this part; sipprobe explain tells it from the run's folder."));
    return;
  }
  detail.append(make("p", { class: "note" }, "Drawing …"));
  try {
    const data = await unpacked(section);
    const drawn = data.tries.length > 1 ? tabs(data.tries, data.good) : tryPanel(data.tries[0], data.good);
    detail.replaceChildren(...drawn.filter(Boolean), facts(data.facts));
  } catch (error) {
    detail.replaceChildren(make("p", { class: "note" }, `This part cannot be drawn here (${error.name}): it needs a browser of 2023 or later.`));
  }
}

function close(section) {
  section.querySelector(".opener").setAttribute("aria-expanded", "false");
  section.querySelector(".detail").hidden = true;
  section.classList.remove("open");
}

const sections = [...document.querySelectorAll(".finding")];
const rowTexts = new Map(sections.map((section) => [section, section.querySelector("h3").textContent.toLowerCase()]));
const shown = document.getElementById("shown"), search = document.getElementById("text"), filter = document.querySelector(".filter");

function applyFilter() {
  const failed = filter.elements.show.value === "failed", terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const section of sections) {
    const text = rowTexts.get(section);
    const fits = !(failed && section.dataset.met === "yes") && terms.every((term) => text.includes(term));
    section.hidden = !fits;
    count += fits;
  }
  shown.textContent = count === sections.length ? "" : `${count} of ${sections.length} shown`;
}

filter.addEventListener("submit", (event) => event.preventDefault());
filter.addEventListener("input", applyFilter);
document.getElementById("open-all").addEventListener("click", () => {
  const wanted = sections.filter((section) => !section.hidden);
  wanted.slice(0, MOST_AT_ONCE).forEach(open);
  if (wanted.length > MOST_AT_ONCE) shown.textContent = `the first ${MOST_AT_ONCE} of ${wanted.length} are open`;
});
document.getElementById("close-all").addEventListener("click", () => sections.forEach(close));
for (const section of sections)
  section.querySelector(".opener").addEventListener("click", () => (section.classList.contains("open") ? close(section) : open(section)));

// #f3 opens the third finding; without one, the first that was not met.
function follow() {
  const named = /^#f\d+$/.test(location.hash) ? document.getElementById(location.hash.slice(1)) : null;
  if (named) open(named).then(() => named.scrollIntoView());
  return named;
}
addEventListener("hashchange", follow);
if (!follow()) {
  const first = sections.find((section) => section.dataset.met === "no") || (sections.length === 1 ? sections[0] : null);
  if (first) open(first);
}
document.documentElement.dataset.ready = "yes";

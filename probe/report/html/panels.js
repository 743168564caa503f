// What stands around the ladder: what was wrong, why, where the time went, who offered what.

// Evidence links to the rung that shows it, where the ladder has one.
function pointer(steps, event) {
  if (!steps.has?.(event)) return "";
  return make("button", { type: "button", class: "pointer", "aria-label": "Show it in the ladder", on: { click: () => steps.show(event) } }, "↦");
}

function wrong(one, steps) {
  return part("What was not met", "wrong", one.mismatches.map((item) =>
    make("div", { class: "mismatch" },
      make("p", {}, make("b", {}, make("bdi", {}, item.message)), " ", pointer(steps, item.evidence.at(-1) ?? null)),
      item.place ? make("p", { class: "place" }, make("bdi", {}, item.place), item.line ? make("code", {}, item.line) : "") : "",
      item.compared.length ? make("pre", { class: "aligned", tabindex: 0, "aria-label": "Expected against observed" }, item.compared.join("\n")) : "")));
}

function why(one, steps) {
  const told = one.explanation;
  if (!told) return null;
  const likely = { certain: "certain", likely: "likely", undecided: "possible" };
  const block = (title, held) => (held ? make("div", { class: "block" }, make("h5", {}, title), held) : null);
  const evidence = told.evidence.map(([event, says]) => make("li", { dir: "auto" }, says, " ", pointer(steps, event)));
  const causes = told.causes.map(([id, name, likelihood, because]) =>
    make("li", {}, make("span", { class: `likelihood ${likelihood}` }, likely[likelihood] || likelihood), ` ${id} `, make("b", {}, name), `: ${because}`));
  const asked = one.asked.map((item) =>
    make("li", {}, make("bdi", {}, `${item.what}: ${item.result}`), item.took >= 0.05 ? ` (${item.took.toFixed(1)} s)` : "",
      item.messages.length ? make("details", {}, make("summary", {}, `${item.messages.length} messages`), item.messages.map((text) => make("pre", { class: "wire-text", tabindex: 0 }, text))) : ""));
  return part("Why", "why",
    make("p", { class: "summary" }, make("span", { class: `likelihood ${told.certainty}` }, told.certainty), " ", make("bdi", {}, told.summary)),
    make("div", { class: "blocks" },
      block("Observed", list(told.observed)),
      block("Evidence", evidence.length ? make("ul", {}, evidence) : null),
      block("Inferred", list(told.inferred)),
      block("Unknown from here", list(told.unknown)),
      block("Causes", causes.length ? make("ul", {}, causes) : null),
      block("Asked afterwards", asked.length ? make("ul", {}, asked) : null),
      block("Next steps", told.next.length ? make("ol", {}, told.next.map((text) => make("li", { dir: "auto" }, text))) : null),
      block("The code", told.reference ? make("p", {}, make("bdi", {}, told.reference)) : null)));
}

function askedAlone(one) {
  return one.explanation || !one.asked.length ? null : part("Asked afterwards", "asked", list(one.asked.map((item) => `${item.what}: ${item.result}`)));
}

function times(one) {
  if (!one.spans.length) return null;
  const ends = Math.max(0.001, ...one.spans.map((span) => span.ends ?? span.begins));
  const bounds = one.spans.flatMap((span) => [span.most, span.warn].filter((b) => b !== null).map((b) => span.begins + b));
  const scale = Math.max(ends, ...bounds.filter((bound) => bound <= 1.6 * ends)) * 1.02;
  const width = 420, x = (value) => (width * value) / scale;
  const tick = (at, name) => (at === null || at > scale ? "" : draw("line", { class: name, x1: x(at), x2: x(at), y1: 1, y2: 19 }));
  const rows = one.spans.map((span) => {
    const length = span.ends === null ? null : span.ends - span.begins;
    const beyond = span.most !== null && span.begins + span.most > scale;
    const bar = draw("svg", { width, height: 20, viewBox: `0 0 ${width} 20`, "aria-hidden": true },
      draw("line", { class: "axis", x1: 0, x2: width, y1: 10, y2: 10 }),
      length === null ? "" : draw("rect", { class: `bar ${span.state} ${span.name.toLowerCase()}`, x: x(span.begins), y: 5, width: Math.max(2, x(length)), height: 10, rx: 2 }),
      tick(span.least === null ? null : span.begins + span.least, "bound"), tick(span.most === null ? null : span.begins + span.most, "bound"),
      tick(span.warn === null ? null : span.begins + span.warn, "bound warn"),
      beyond ? draw("path", { class: "beyond", d: `M${width - 7} 5l6 5l-6 5` }) : "");
    const state = { ok: "✓ held", warn: "! barely", fail: "✗ not met", none: "not measured" }[span.state] || "";
    return [make("span", {}, make("b", {}, span.name), " ", make("bdi", { class: "about" }, span.about)), bar,
      length === null ? "never ended" : `${seconds(length)} s`,
      span.bound ? make("span", { class: `state ${span.state}` }, `${span.bound} ${state}`) : ""];
  });
  return part("Where the time went", "times", table("Delays and their bounds", ["Delay", "", "Took", "Bound"], rows));
}

function described(one, steps) {
  const several = new Set(one.offers.map((row) => row.agent)).size > 1;
  const rows = one.offers.map((row) => [
    make("span", {}, several ? `${row.agent}: ` : "", make("bdi", {}, `${row.sent ? "we send" : "we get"} ${row.message}`), " ", pointer(steps, row.event)),
    row.role, row.media, make("bdi", {}, row.address), make("bdi", {}, row.profile), row.direction,
    make("span", { class: "codecs" }, row.codecs.map((codec, place) =>
      make("span", { class: row.common[place] ? "codec" : "codec alone", title: row.common[place] ? null : "the other side did not name it" }, codec, row.common[place] ? "" : make("span", { class: "hidden-text" }, " (only here)"), " "))),
  ]);
  return part("Offers and answers", "offers", table("Session descriptions", ["Message", "Role", "Media", "Address", "Profile", "Direction", "Codecs"], rows));
}

// The last good run of the step and this one, both ladders and what differs.
function lastGood(good, one) {
  if (!good) return null;
  const [panel, choose, close] = messagePanel("Choose a message of either ladder; “Compare with another” holds it against one of the other run.");
  const column = (held, title, whose) => {
    const id = newId("run");
    return make("div", { class: "scroll run", role: "group", "aria-labelledby": id }, make("h5", { id }, make("bdi", {}, title)),
      held.observed ? make("p", { class: "flow" }, make("bdi", {}, held.observed)) : null, ladder(held, choose(held, whose), true));
  };
  const differing = table("What differs", ["What", "Last good run", "This run"], good.differences.map(([what, before, after, detail]) => [
    make("bdi", {}, what), make("bdi", {}, before), make("span", {}, make("bdi", {}, after), detail ? make("span", { class: "about" }, ` (${detail})`) : "")]));
  const shown = part("Last good run beside this one", "last-good",
    make("p", {}, "This step was last met in ", make("bdi", {}, good.run), ", on ", make("time", { datetime: good.at }, good.at.slice(0, 19).replace("T", " ")), " UTC."),
    differing || make("p", { class: "note" }, "A comparison names no difference: the same was seen, and something else is expected now."),
    make("div", { class: "runs" }, column(good, "Last good run", "last good"), column(one, "This run", "this run")), panel);
  shown.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
  return shown;
}

function tryPanel(one, good) {
  const [panel, choose, close] = messagePanel();
  const steps = ladder(one, choose(one));
  const picture = part("What went over the wire", "picture",
    one.observed ? make("p", { class: "flow" }, make("bdi", {}, one.observed)) : null,
    make("div", { class: "beside-each-other" }, make("div", { class: "scroll" }, steps), panel));
  picture.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
  const notes = one.warnings.length ? part("Held, but worth a look", "warnings", list(one.warnings)) : null;
  return [wrong(one, steps), picture, notes, why(one, steps), askedAlone(one), lastGood(good, one), times(one), described(one, steps), sound(one)];
}

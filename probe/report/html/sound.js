// The sound of a call: a table both ways, loss and jitter by second, what was heard, a waveform.
const CHART = { width: 720, left: 54, right: 10, loss: 46, jitter: 46, lane: 18, gap: 10, axis: 20 };

function chartScale(stream) {
  const ends = [...stream.slices.map(([at, length]) => at + length), ...stream.gaps.map(([at, length]) => at + length),
    ...stream.heard.map(([at, length]) => at + length), ...stream.digits.map(([at]) => at)];
  const starts = [...stream.slices.map(([at]) => at), ...stream.gaps.map(([at]) => at)];
  const from = starts.length ? Math.min(...starts) : 0, to = Math.max(from + 0.1, ...ends);
  const room = CHART.width - CHART.left - CHART.right;
  return { from, to, x: (at) => CHART.left + (room * (Math.min(Math.max(at, from), to) - from)) / (to - from) };
}

const mostOf = (values, least) => values.reduce((most, value) => Math.max(most, value), least);

// Loss of a slice in percent of what was due in it.
const share = ([, , packets, lost]) => (packets + lost ? (100 * lost) / (packets + lost) : 0);

function chartWords(stream) {
  const worst = mostOf(stream.slices.map(share), 0), uneven = mostOf(stream.slices.map((one) => one[4]), 0);
  const places = stream.slices.filter((one) => one[3] > 0).length;
  return `Loss and jitter of what came, over ${(chartScale(stream).to - chartScale(stream).from).toFixed(1)} s: `
    + (worst ? `at most ${worst.toFixed(1)} % lost in a slice, loss in ${places} of ${stream.slices.length} slices` : "nothing lost")
    + `, jitter at most ${uneven.toFixed(1)} ms`
    + (stream.gaps.length ? `, ${stream.gaps.length} gaps` : "") + (stream.changes.length ? `, ${stream.changes.length} changes of source` : "") + ".";
}

function ticks(scale, top, bottom) {
  const length = scale.to - scale.from;
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600].find((one) => length / one <= 10) || length / 10;
  const found = [];
  for (let at = Math.ceil(scale.from / step) * step; at <= scale.to + 1e-6; at += step)
    found.push(draw("line", { class: "tick", x1: scale.x(at), x2: scale.x(at), y1: top, y2: bottom }),
      draw("text", { class: "scale", x: scale.x(at), y: bottom + 13, "text-anchor": "middle" }, `${Number(at.toFixed(1))} s`));
  return found;
}

function band(top, height, name, most) {
  return [draw("line", { class: "axis", x1: CHART.left, x2: CHART.width - CHART.right, y1: top + height, y2: top + height }),
    draw("text", { class: "scale", x: CHART.left - 6, y: top + 10, "text-anchor": "end" }, most),
    draw("text", { class: "scale", x: CHART.left - 6, y: top + height, "text-anchor": "end" }, name)];
}

function chart(stream) {
  if (!stream.slices.length) return null;
  const scale = chartScale(stream), lossMost = mostOf(stream.slices.map(share), 5), jitterMost = mostOf(stream.slices.map((one) => one[4]), 10);
  const lossTop = 4, jitterTop = lossTop + CHART.loss + CHART.gap, laneTop = jitterTop + CHART.jitter + CHART.gap;
  const lanes = stream.heard.length || stream.digits.length ? CHART.lane : 0;
  const bottom = laneTop + lanes, height = bottom + CHART.axis;
  const bars = stream.slices.filter((one) => one[3] > 0).map((one) => {
    const tall = Math.max(1.5, (CHART.loss * share(one)) / lossMost), x = scale.x(one[0]);
    return draw("rect", { class: "lost", x, y: lossTop + CHART.loss - tall, width: Math.max(1.5, scale.x(one[0] + one[1]) - x - 1), height: tall });
  });
  const line = stream.slices.map((one, place) =>
    `${place ? "L" : "M"}${scale.x(one[0] + one[1] / 2).toFixed(1)} ${(jitterTop + CHART.jitter * (1 - one[4] / jitterMost)).toFixed(1)}`).join("");
  const gaps = stream.gaps.map(([at, length]) =>
    draw("rect", { class: "gap", x: scale.x(at), y: lossTop, width: Math.max(1, scale.x(at + length) - scale.x(at)), height: laneTop - CHART.gap - lossTop },
      draw("title", {}, `no packet for ${length.toFixed(2)} s`)));
  const marks = stream.changes.map(([at, text]) =>
    draw("line", { class: "change", x1: scale.x(at), x2: scale.x(at), y1: lossTop, y2: laneTop - CHART.gap }, draw("title", {}, text)));
  const sounds = stream.heard.flatMap(([at, length, what, level]) => {
    const x = scale.x(at), width = Math.max(1, scale.x(at + length) - x - 1);
    return [draw("rect", { class: /^(silence|missing)/.test(what) ? "heard none" : "heard", x, y: laneTop, width, height: CHART.lane - 3, rx: 2 }, draw("title", {}, `${what} ${level}`)),
      width > 40 ? draw("text", { class: "scale in", x: x + 4, y: laneTop + 11 }, shortened(what, Math.floor(width / 6.2))) : ""];
  });
  const keys = stream.digits.map(([at, digit, how]) => draw("text", { class: "key", x: scale.x(at), y: laneTop + 11 }, digit, draw("title", {}, how)));
  return draw("svg", { class: "chart", width: CHART.width, height, viewBox: `0 0 ${CHART.width} ${height}`, role: "img", "aria-label": chartWords(stream) },
    ticks(scale, lossTop, bottom), gaps, band(lossTop, CHART.loss, "loss", `${lossMost.toFixed(0)} %`), bars,
    band(jitterTop, CHART.jitter, "jitter", `${jitterMost.toFixed(0)} ms`), draw("path", { class: "uneven", d: line }), marks, sounds, keys);
}

function waveform(stream) {
  if (!stream.wave) return null;
  const { peaks, length, name } = stream.wave, height = 64, middle = height / 2, room = CHART.width - CHART.left - CHART.right;
  const bars = peaks.map((peak, place) => {
    const x = (CHART.left + (room * place) / peaks.length).toFixed(1), tall = Math.max(0.5, (peak / 100) * (middle - 2));
    return `M${x} ${(middle - tall).toFixed(1)}V${(middle + tall).toFixed(1)}`;
  }).join("");
  return make("figure", { class: "recorded" },
    draw("svg", { class: "chart", width: CHART.width, height, viewBox: `0 0 ${CHART.width} ${height}`, role: "img", "aria-label": `Waveform of the recording, ${length.toFixed(1)} s, loudest ${mostOf(peaks, 0)} % of full scale` },
      draw("line", { class: "axis", x1: CHART.left, x2: CHART.width - CHART.right, y1: middle, y2: middle }), draw("path", { class: "wave", d: bars })),
    make("figcaption", {}, "Recording ", make("bdi", {}, name), ` in the run's folder, ${length.toFixed(1)} s`));
}

function sliceTable(stream) {
  if (!stream.slices.length) return null;
  const rows = stream.slices.map((one) => [`${one[0].toFixed(1)} s`, String(one[2]), String(one[3]), `${one[4].toFixed(1)} ms`]);
  return make("details", {}, make("summary", {}, "By second"), table("Loss and jitter by second", ["From", "Packets", "Lost", "Jitter"], rows));
}

function heardList(stream) {
  const said = stream.heard.map(([at, length, what, level]) => `${at.toFixed(2)} s: ${what} for ${length.toFixed(2)} s${level ? `, ${level}` : ""}`);
  const pressed = stream.digits.length ? [`Digits: ${stream.digits.map(([, digit, how]) => `${digit} (${how})`).join(" ")}`] : [];
  const moved = stream.changes.map(([at, text]) => `${at.toFixed(2)} s: ${text}`);
  const gaps = stream.gaps.map(([at, length]) => `${at.toFixed(2)} s: no packet for ${length.toFixed(2)} s`);
  const held = stream.agreed.length > 1 ? stream.agreed.map(([at, direction]) => `${at.toFixed(2)} s: agreed on ${direction}`) : [];
  const every = [...held, ...said, ...pressed, ...moved, ...gaps];
  return every.length ? make("details", { open: every.length <= 6 }, make("summary", {}, "What happened in it"), list(every)) : null;
}

function streamPanel(stream) {
  const head = make("p", {}, make("b", {}, make("bdi", {}, stream.agent)), " ", make("bdi", {}, stream.title),
    stream.estimate ? make("span", { class: "estimate" }, ` ${stream.estimate}`) : "");
  if (stream.unmeasured) return make("div", { class: "stream" }, head, make("p", { class: "note" }, `Not measured: ${stream.unmeasured}.`));
  const warning = stream.missing.map((missing, place) => (missing ? make("p", { class: "absent" }, place ? "No RTP packet left." : "No RTP packet came.") : ""));
  const ours = stream.ours ? make("p", { class: "absent" }, "Our own machine was too slow in this call: its figures of time are not the trunk's.") : "";
  return make("div", { class: "stream" }, head, warning, ours,
    table(`Sound of ${stream.agent}`, ["", "To us", "From us"], stream.rows),
    stream.slices.length ? make("div", { class: "wide", tabindex: 0, role: "group", "aria-label": "Chart of loss and jitter" }, chart(stream)) : null,
    waveform(stream), heardList(stream), sliceTable(stream));
}

function sound(one) {
  return part("Sound", "media", one.media.map(streamPanel));
}

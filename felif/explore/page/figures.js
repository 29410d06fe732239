// What the server found, drawn: one function a card.

import { COLOURS, Chart, escape, math, number, viridis, withError } from "./charts.js";

const host = (card) => document.querySelector(`#${card} .plot`);
const note = (card, html) => { document.querySelector(`#${card} .note`).innerHTML = html; };
const colours = (names) => Object.fromEntries(names.map((name, k) => [name, COLOURS[k]]));
const narrow = () => window.innerWidth <= 760;
export const choice = { rate: null, branch: null }; // logarithmic axes: null leaves it to the data

function end(run) {
  return run.blow_up ? Math.min(run.t_end, 1.08 * run.blow_up.time) : run.t_end;
}

export function drawRate(run, at) {
  const axis = { ...run.axis }, logarithmic = choice.rate ?? axis.logarithmic, names = Object.keys(run.rates);
  const waiting = Object.keys(run.waiting), colour = colours(names);
  if (logarithmic && axis.low <= 0) {
    const positive = names.flatMap((name) => run.rates[name]).filter((y) => y > 0);
    axis.low = Math.max(0.8 * Math.min(...positive), 1e-6 * axis.high);
  } else if (!logarithmic) {
    axis.low = axis.logarithmic ? 0 : axis.low;
    if (axis.logarithmic) axis.high = Math.min(axis.high, 60 * axis.low + 0.02 * axis.high);
    for (const name of waiting) axis.high = Math.max(axis.high, 1.05 * Math.max(...run.waiting[name]));
  }
  const shown = [...names, ...(logarithmic ? [] : waiting)].map((name) => `${name}(t)`).join(", ");
  const chart = new Chart(host("rate"), { low: 0, high: end(run), label: "time t" },
    { low: axis.low, high: axis.high, log: logarithmic, label: shown }, narrow() ? 190 : 290);
  if (run.blow_up) {
    const { time, error } = run.blow_up;
    chart.band(time, end(run), "#f8e9e7");
    chart.band(time - error, time + error, "#e7a9a3");
    chart.vertical(time, { colour: "#a3262a", dash: "4 3", label: "t_BU", width: 1.3 });
  }
  names.forEach((name) => chart.path(run.times, run.rates[name], { colour: colour[name], width: 2.1 }));
  if (!logarithmic) waiting.forEach((name, k) => chart.path(run.times, run.waiting[name], { colour: "#6b7f8f", width: 1.6, dash: k ? "1 3" : "6 4" }));
  if (at !== null) chart.vertical(at, { colour: "#2b8c84", dash: "", width: 1.2 });
  const entries = names.map((name) => ({ label: `${name}(t)`, colour: colour[name] }));
  if (!logarithmic) entries.push(...waiting.map((name, k) => ({ label: `${name}(t)`, colour: "#6b7f8f", dash: k ? "1 3" : "6 4" })));
  if (entries.length > 1) chart.legend(entries);
  const infinite = names.filter((name) => run.rates[name][0] === null);
  chart.draw();
  const said = [];
  if (run.blow_up) said.push(`<b class="bad">Blow-up at ${math("t_BU")} = ${withError(run.blow_up.time, run.blow_up.error)}</b>: the firing rate becomes infinite, and no solution exists after it.`);
  else if (run.outcome.name !== "finished") said.push(`<b class="bad">${escape(run.outcome.message)}</b>`);
  else said.push(`At ${math("t")} = ${number(run.t_end)}: ${names.map((name) => `${math(name)} = <b>${number(run.final[name], 6)}</b>`).join(", ")}.`);
  if (infinite.length) said.push(`${infinite.map((name) => `${math(name)}(0)`).join(", ")} = ∞, for the data do not vanish at ${math("V_F")}.`);
  note("rate", said.join(" "));
}

function unpacked(packed) {
  const bytes = Uint8Array.from(atob(packed.float32), (c) => c.charCodeAt(0));
  return { rows: packed.shape[0], columns: packed.shape[1], values: new Float32Array(bytes.buffer) };
}

export function unpack(run) {
  for (const name of Object.keys(run.density.of)) run.density.of[name] = unpacked(run.density.of[name]);
  return run;
}

export function drawHeat(run, at) {
  const { t, v, of } = run.density, names = Object.keys(of), place = host("heat");
  const height = 260, both = names.length > 1;
  const chart = new Chart(place, { low: 0, high: end(run), label: "time t" }, { low: v[0], high: v.at(-1), label: "potential v" }, height);
  const { left, right, top, bottom } = chart.box;
  let canvas = place.querySelector("canvas");
  if (!canvas) canvas = place.appendChild(document.createElement("canvas"));
  const [columns, rows] = [t.length, v.length * names.length];
  [canvas.width, canvas.height] = [columns, rows];
  const picture = canvas.getContext("2d").createImageData(columns, rows);
  names.forEach((name, part) => {
    const { values } = of[name], all = values.slice().sort(); // numbers, of a typed array
    const high = Math.min(all.at(-1), 1.5 * all[Math.floor(0.995 * (all.length - 1))]) || 1; // a peak leaves the rest visible
    for (let i = 0; i < columns; i++) for (let j = 0; j < v.length; j++) {
      const [r, g, b] = viridis(values[i * v.length + j] / high), k = 4 * (((part + 1) * v.length - 1 - j) * columns + i);
      picture.data.set([r, g, b, 255], k);
    }
  });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  const until = chart.X(Math.min(run.reached, end(run)));
  Object.assign(canvas.style, { left: `${left}px`, top: `${top}px`, width: `${until - left}px`, height: `${bottom - top}px` });
  const tall = (bottom - top) / names.length; // one above the other, each with its own potentials
  chart.y.parts = both;
  names.forEach((name, k) => {
    const Y = (x) => top + k * tall + tall * (1 - (x - v[0]) / (v.at(-1) - v[0]));
    if (both) chart.text(left + 8, top + (k + 1) * tall - 8, name, { colour: "#fff" });
    if (k) chart.inside.push(`<path d="M${left} ${top + k * tall}H${right}" stroke="#fff" stroke-width="3"/>`);
    for (const [label, x] of Object.entries(run.marks)) {
      if (x === null || x > v.at(-1) + 1e-9) continue;
      const last = label === "V_F", b = Y(x);
      chart.inside.push(`<path d="M${left} ${b}H${until}" stroke="#fff" stroke-dasharray="2 3" opacity=".8"/>`);
      chart.text(last ? until - 8 : left + 8, b < top + k * tall + 18 ? b + 15 : b - 5, label, { anchor: last ? "end" : "start", colour: "#fff" });
    }
  });
  if (at !== null) chart.inside.push(`<path d="M${chart.X(at)} ${top}V${bottom}" stroke="#fff" stroke-width="1.4"/>`);
  chart.draw(false);
}

export function drawProfile(run, at) {
  const { t, v, of } = run.density, names = Object.keys(of);
  const moments = momentsOf(run.density, 5);
  let high = 0;
  for (const name of names) for (const k of moments.slice(1)) for (let j = 0; j < v.length; j++) high = Math.max(high, of[name].values[k * v.length + j]);
  let first = 0;
  for (const name of names) for (let j = 0; j < v.length; j++) first = Math.max(first, of[name].values[j]);
  high = Math.max(high, Math.min(first, 2 * high));
  const chart = new Chart(host("profile"), { low: v[0], high: v.at(-1), label: "potential v" },
    { low: 0, high: 1.08 * high, label: names.map((name) => `${name}(v, t)`).join(", ") }, 260);
  for (const [label, x] of Object.entries(run.marks)) if (x !== null) chart.vertical(x, { label });
  const dashes = ["", "5 3"];
  names.forEach((name, part) => moments.forEach((k, which) => {
    const [r, g, b] = viridis(0.88 * which / 4);
    chart.path(v, of[name].values.subarray(k * v.length, (k + 1) * v.length), { colour: `rgb(${r},${g},${b})`, width: 1.7, dash: dashes[part], opacity: at === null ? 1 : 0.35 });
  }));
  if (at !== null) {
    const k = nearest(t, at);
    names.forEach((name, part) => chart.path(v, of[name].values.subarray(k * v.length, (k + 1) * v.length), { colour: "#2b8c84", width: 2.6, dash: dashes[part] }));
  }
  chart.draw();
  const times = moments.map((k, which) => `<span style="color:rgb(${viridis(0.88 * which / 4)})">■</span> ${number(t[k], 3)}`).join(" &nbsp;");
  const parts = names.length > 1 ? ` (${math(names[0])} solid, ${math(names[1])} broken)` : "";
  note("profile", at === null ? `${math("t")} = ${times}${parts}` : `<b>${math("t")} = ${number(t[nearest(t, at)], 4)}</b>${parts}`);
}

// Places of `count` frames, the first and the last of them, between which the densities change by about as much, time
// itself counting for a hundredth.
function momentsOf({ t, v, of }, count) {
  const last = t.length - 1, moved = [0];
  for (let k = 1; k <= last; k++) {
    let change = 0;
    for (const { values } of Object.values(of)) for (let j = 0; j < v.length; j++) change += Math.abs(values[k * v.length + j] - values[(k - 1) * v.length + j]);
    moved.push(moved[k - 1] + change);
  }
  const length = moved.map((change, k) => change / (moved[last] || 1) + (0.01 * k) / last), found = [0];
  for (let which = 1; which < count; which++) {
    const wanted = (length[last] * which) / (count - 1), next = length.findIndex((one) => one >= wanted - 1e-9);
    found.push(Math.min(Math.max(next, found[which - 1] + 1), last + which - count + 1));
  }
  return found;
}

function nearest(t, at) {
  return Math.min(Math.max(Math.round(((at - t[0]) / (t.at(-1) - t[0] || 1)) * (t.length - 1)), 0), t.length - 1);
}

const MARKS = { fold: ["circle", "#b3261e"], hopf: ["diamond", "#d9822b"], "branch point": ["square", "#3f7d4e"] };

export function drawBranch(found, states, symbol, value) {
  const pieces = found ? found.pieces : [], [low, high] = found ? found.bounds : [value - 1, value + 1];
  const names = pieces.length ? Object.keys(pieces[0].rates) : states.length ? Object.keys(states[0].rates) : ["N"];
  const ys = [...pieces.flatMap((p) => names.flatMap((name) => p.rates[name])), ...states.flatMap((s) => Object.values(s.rates))].filter((y) => y !== null);
  const positive = ys.filter((y) => y > 1e-9), [least, most] = [Math.min(...positive), Math.max(...positive)];
  const logarithmic = (choice.branch ?? most > 30 * least) && positive.length > 0;
  const top = positive.length ? most : 1;
  const y = logarithmic ? { low: Math.max(0.7 * least, 1e-6 * top), high: 1.4 * top, log: true } : { low: Math.min(0, ...ys), high: 1.08 * top };
  const chart = new Chart(host("branch"), { low, high, label: symbol }, { ...y, label: names.join(", ") }, 260), colour = colours(names);
  chart.vertical(value, { colour: "#2b8c84", dash: "", width: 1.2 });
  for (const piece of pieces) for (const name of names) {
    chart.path(piece.x, piece.rates[name], { colour: colour[name], dash: piece.stable === false ? "5 4" : "", width: piece.stable === false ? 1.5 : 2.2 });
  }
  const kinds = {};
  for (const special of found ? found.special : []) {
    kinds[special.kind] = (kinds[special.kind] ?? 0) + 1;
    const [shape, tone] = MARKS[special.kind] ?? ["square", "#555"];
    for (const name of names) chart.point(special.x, special.rates[name], { colour: tone, shape, size: 3.6, title: `${special.kind} at ${special.x}, ${name} = ${special.rates[name]}` });
  }
  for (const state of states) for (const name of names) {
    chart.point(value, state.rates[name], { colour: "#2b8c84", filled: state.stable !== false, size: 5.5, title: `steady state, ${name} = ${state.rates[name]}` });
  }
  if (names.length > 1) chart.legend(names.map((name) => ({ label: name, colour: colour[name] })));
  chart.draw();
  const shapes = { circle: "●", diamond: "◆", square: "■" };
  const said = Object.entries(kinds).map(([kind, n]) => `<span style="color:${(MARKS[kind] ?? ["", "#555"])[1]}">${shapes[(MARKS[kind] ?? ["square"])[0]]}</span> ${n > 1 ? `${n} ` : ""}${kind.replace("hopf", "Hopf point")}${n > 1 ? "s" : ""}`);
  if (found && found.message) said.push(escape(found.message));
  if (pieces.length && found.stability) said.push("broken: unstable");
  if (pieces.length && !found.stability) said.push("stability is being computed");
  said.push(states.length ? '<span style="color:#2b8c84">●</span> at the present value' : "");
  note("branch", said.filter(Boolean).join(" &nbsp;·&nbsp; "));
}

export function drawSpectrum(spectra, states, complete) {
  const known = spectra.filter((s) => s.real);
  const problem = spectra.find((s) => s.problem);
  const reals = known.flatMap((s) => s.real), imags = known.flatMap((s) => s.imag);
  const first = known.length ? Math.min(-1, ...known[0].real) : -1; // its scale: what lies far beyond is told at the edge
  const low = Math.max(Math.min(-1, ...reals), 3 * first), high = Math.min(Math.max(0.5, ...reals), -2 * first), wide = high - low, tall = Math.max(1, ...imags.map(Math.abs));
  const chart = new Chart(host("spectrum"), { low: low - 0.06 * wide, high: high + 0.08 * wide, label: "Re λ" }, { low: -1.15 * tall, high: 1.15 * tall, label: "Im λ" }, 260);
  chart.band(0, high + 0.08 * wide, "#fbefee");
  chart.vertical(0, { colour: "#a3262a", dash: "" });
  const tones = ["#1857a4", "#c4501b", "#3f7d4e", "#7a4ea3"];
  known.forEach((s) => s.real.forEach((x, k) => chart.point(x, s.imag[k], { colour: tones[s.of % 4], filled: true, size: 3.8, title: `${x} ${s.imag[k] < 0 ? "−" : "+"} ${Math.abs(s.imag[k])} i, error ${number(s.errors[k], 2)}` })));
  const beyond = reals.filter((x) => x > high + 0.08 * wide);
  if (beyond.length) chart.text(chart.box.right - 4, chart.box.top + 16, `${number(Math.max(...beyond), 4)} →`, { anchor: "end", colour: "#a3262a" });
  chart.draw();
  const said = known.map((s) => {
    const rate = Object.entries(states[s.of].rates).map(([name, y]) => `${math(name)} = ${number(y, 4)}`).join(", ");
    const w = Math.abs(s.imag[0]), turns = w > 1e-9 ? `, period ${number((2 * Math.PI) / w, 4)}` : "";
    return `<span style="color:${tones[s.of % 4]}">●</span> of ${rate}: ${s.gap > 0 ? `stable, forgets at the rate <b>${number(s.gap, 5)}</b>` : `<b class="bad">unstable</b>, grows at the rate <b>${number(-s.gap, 5)}</b>`}${turns}`;
  });
  if (problem) said.push(escape(problem.problem));
  if (complete && !problem && !states.length) said.push("There is no steady state to linearise at.");
  note("spectrum", said.join("<br>"));
}

export function drawFacts(run, rest) {
  const rows = [["Outcome", escape(run.outcome.message), run.outcome.failed]];
  if (run.blow_up) rows.push([`Blow-up time`, `${withError(run.blow_up.time, run.blow_up.error)}`]);
  for (const [name, drift] of Object.entries(run.conserved)) rows.push([`Conserved: ${math(name)}`, `to ${number(drift, 2)}`, drift > 1e-10]);
  rows.push(["Rounding taken out", number(run.rounding, 2)]);
  rows.push(["Lowest density", number(run.lowest, 3)]);
  if (run.moment_defect !== null) rows.push(["Check of the rate", `an independent identity holds to ${number(run.moment_defect, 2)}`]);
  if (rest.message) rows.push(["Steady states", escape(rest.message)]);
  rows.push(["Work", `${run.work.steps} steps, ${run.work.unknowns} unknowns, ${run.work.core === "compiled" ? "compiled core" : "Python (no compiled core)"}`]);
  document.querySelector("#facts table").innerHTML = rows.map(([what, value, bad]) => `<tr><td>${what}</td><td${bad ? ' class="bad"' : ""}>${value}</td></tr>`).join("");
}

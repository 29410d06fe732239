// The page: moves are answered by the newest run, one question at a time; the rest follows when the sliders are still.

import { math } from "./charts.js";
import { Controls } from "./controls.js";
import { choice, drawBranch, drawFacts, drawHeat, drawProfile, drawRate, drawSpectrum, unpack } from "./figures.js";

const STILL = 350; // milliseconds without a move before steady states are asked for
const PATIENCE = 300; // before a run that has not come is given up for a newer one
const tab = `${Date.now()}-${Math.random()}`;
const $ = (what) => document.querySelector(what);
let run = null, at = null, number = 0, flying = null, waiting = null, still = 0, moved = 0;
let rest = { states: [], spectra: [], message: "", done: false, code: "" }, branch = null, listening = null;
const branches = new Map();

const choices = await (await fetch("choices")).json();
const controls = new Controls(choices, onMove);

function onMove(since = performance.now()) {
  moved = since;
  document.querySelectorAll("#branch, #spectrum").forEach((card) => card.classList.add("stale"));
  listening?.abort();
  clearTimeout(still);
  still = setTimeout(askRest, STILL);
  number += 1;
  describe();
  drawStates();
  askRun();
}

// The run ------------------------------------------------------------------------------------------------------------

function ask(where, more, signal) {
  const body = JSON.stringify({ tab, number, setting: controls.setting(), ...more });
  return fetch(where, { method: "POST", headers: { "Content-Type": "application/json" }, body, signal });
}

async function askRun() {
  clearTimeout(waiting);
  if (flying) {
    const left = PATIENCE - (performance.now() - flying.since);
    if (left > 0) { waiting = setTimeout(askRun, left); return; }
    flying.abort.abort();
  }
  const own = { since: performance.now(), moved, number, abort: new AbortController() };
  flying = own;
  try {
    const found = await (await ask("evolve", {}, own.abort.signal)).json();
    if (flying !== own) return;
    flying = null;
    if (!found.taken_over) show(found, own);
  } catch (error) {
    if (flying === own) { flying = null; say(error.name === "AbortError" ? "" : "felif explore does not answer: it has been ended, or the connection is lost."); }
  }
  if (!flying && own.number !== number) askRun();
}

function show(found, own) {
  say(found.problem ?? "");
  const cards = document.querySelectorAll("#rate, #heat, #profile, #facts");
  cards.forEach((card) => card.classList.toggle("stale", Boolean(found.problem)));
  if (found.problem) { measured(own); return; }
  run = unpack(found);
  if (at !== null && at > run.reached) at = null;
  drawRun();
  measured(own);
}

function say(problem) {
  $("#problem").textContent = problem;
  $("#problem").hidden = !problem;
  controls.mark(problem);
}

// From the move to the picture, in the browser's own list of measures ("felif answer").
function measured(own) {
  requestAnimationFrame(() => setTimeout(() => {
    const { duration } = performance.measure("felif answer", { start: own.moved, end: performance.now() });
    $("#answered").textContent = `Answered in ${Math.round(duration)} ms.`;
    document.body.dataset.answered = own.number;
  }));
}

function drawRun() {
  drawRate(run, at);
  drawHeat(run, at);
  drawProfile(run, at);
  drawFacts(run, rest);
  drawCode();
}

// What follows when the sliders rest -----------------------------------------------------------------------------------

function branchKey() {
  const setting = controls.setting();
  for (const name of Object.keys(setting)) if (/^(mean|variance|boundary_layer|t_end)/.test(name)) delete setting[name];
  delete setting[controls.along];
  return JSON.stringify([setting, controls.along, controls.bounds()]);
}

async function askRest() {
  const own = (listening = new AbortController()), key = branchKey(), known = branches.has(key);
  const fresh = { states: [], spectra: [], message: "", done: false, code: "" };
  document.body.dataset.rested = "";
  try {
    const answer = await ask("rest", { along: known ? null : controls.along, bounds: controls.bounds() }, own.signal);
    for await (const found of lines(answer.body)) {
      if (listening !== own) return;
      if (found.what === "states") { Object.assign(fresh, { states: found.states, message: found.message, code: found.code }); rest = fresh; }
      if (found.what === "spectrum") fresh.spectra.push(found);
      if (found.what === "branches") { branch = found; if (found.stability) remember(key, found); }
      if (found.what === "problem") { Object.assign(fresh, { message: found.problem, spectra: [{ problem: found.problem }] }); rest = fresh; }
      if (found.what === "done") fresh.done = true;
      drawRest(found.what);
    }
    document.body.dataset.rested = number;
  } catch (error) {
    if (error.name !== "AbortError") console.warn(error);
  }
}

function remember(key, found) {
  branches.set(key, found);
  if (branches.size > 30) branches.delete(branches.keys().next().value);
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let kept = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (kept + value).split("\n");
    kept = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

function drawRest(what) {
  if (what !== "branches") $("#spectrum").classList.remove("stale");
  $("#branch").classList.remove("stale");
  drawStates(true);
  drawSpectrum(rest.spectra, rest.states, rest.done || what === "spectrum" || what === "branches");
  if (run) drawFacts(run, rest);
  drawCode();
}

// The diagram: the branch that is known for these parameters, and the states at the present value where they are.
function drawStates(present = false) {
  const known = branches.get(branchKey()), shown = known ?? (present ? branch : null);
  if (known) { branch = known; $("#branch").classList.remove("stale"); }
  const value = Number(controls.value(controls.along));
  const same = shown && shown.along === controls.along ? shown : null;
  if (same || present) drawBranch(same, present ? rest.states : [], controls.slider(controls.along).symbol, value);
}

function drawCode() {
  const parts = [run?.code, rest.code, branch?.along === controls.along ? branch?.code : ""];
  $("#code pre").textContent = parts.filter(Boolean).join("\n");
}

// The equation, the presets, the address -------------------------------------------------------------------------------

function describe() {
  const drift = controls.hasDrift() && controls.drift !== "Leaky" ? "f(v)" : "−v", late = Number(controls.value("delay")) > 0 ? "(t − d)" : "";
  const noise = Number(controls.value("a1")) > 0 ? "(a_0 + a_1 N)" : "a_0";
  const flux = (to) => [`∂_t n + ∂_v[(${drift} + I + bN${late}) n] − ${noise} ∂_vv n = ${to} δ(v − V_R)`, `N = −${noise} ∂_v n(V_F, t)`];
  const equations = {
    NoisyLIF: flux(Number(controls.value("dead_time")) > 0 ? "N(t − D)" : "N"),
    RefractoryLIF: [...flux("{}"), "∂_t R = N − R/τ"],
    RandomThresholdLIF: [`∂_t n + ∂_v[(${drift} + I + bN) n] − ${noise} ∂_vv n + n/ε 1_{v > V_F} = R/τ δ(v − V_R)`, "∂_t R = N − R/τ"],
    ExcitatoryInhibitoryLIF: [`∂_t n_i + ∂_v[(${drift} + I_i + b_Ei N_E${late} − b_Ii N_I${late}) n_i] − a_0 ∂_vv n_i = N_i δ(v − V_R)`, "i = E, I"],
    Populations: [`∂_t n_i + ∂_v[(−v + I_i + s Σ_j b_ij N_j${late}) n_i] − a_i ∂_vv n_i = N_i δ(v − V_R)`, "i = 0, 1"],
  };
  $("#equation").innerHTML = equations[controls.model].map((text) => `<span>${math(text.replace("{}", "R/τ"))}</span>`).join("");
  const preset = choices.presets.find((p) => same(p));
  $("#says").innerHTML = (preset?.says ?? "").replace(/\bV_\w/g, math);
  document.querySelectorAll("#presets button").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.name === preset?.name)));
  clearTimeout(describe.later);
  describe.later = setTimeout(() => history.replaceState(null, "", controls.address()), 200);
  document.title = `felif explore: ${controls.model}`;
}

function same(preset) {
  const { model, drift = "Leaky", ...values } = preset.values;
  if (model !== controls.model || drift !== controls.drift) return false;
  return controls.sliders().every((s) => Number(controls.value(s.name)) === Number(values[s.name] ?? s.value));
}

for (const preset of choices.presets) {
  const button = Object.assign(document.createElement("button"), { type: "button", innerHTML: preset.name.replace(/\bV_\w/g, math), title: preset.says });
  button.dataset.name = preset.name;
  button.onclick = () => { controls.set({ ...preset.values, along: preset.along }); onMove(); };
  $("#presets").append(button);
}
$("#model").onchange = (event) => controls.change(event.target.value, controls.drift);
$("#drift").onchange = (event) => controls.change(controls.model, event.target.value);
$("#along").onchange = (event) => { controls.along = event.target.value; onMove(); };
$("#copy").onclick = async (event) => {
  await navigator.clipboard.writeText($("#code pre").textContent);
  event.target.textContent = "Copied";
  setTimeout(() => { event.target.textContent = "Copy"; }, 1500);
};
$("#rate .scale").onclick = () => { choice.rate = !(choice.rate ?? run?.axis.logarithmic); if (run) drawRate(run, at); };
$("#branch .scale").onclick = () => { choice.branch = !(choice.branch ?? true); drawStates(true); };
for (const card of ["#rate", "#heat"]) { // pointing at a time shows the density there
  $(`${card} .plot`).addEventListener("pointermove", (event) => {
    const { chart } = event.currentTarget;
    if (!run || !chart) return;
    const t = chart.X.inverse(event.clientX - event.currentTarget.getBoundingClientRect().left);
    at = t >= 0 && t <= run.reached ? t : null;
    drawRate(run, at); drawHeat(run, at); drawProfile(run, at);
  });
  $(`${card} .plot`).addEventListener("pointerleave", () => { at = null; if (run) { drawRate(run, at); drawHeat(run, at); drawProfile(run, at); } });
}
$("#branch .plot").addEventListener("click", (event) => { // a click takes the parameter there
  const { chart } = event.currentTarget;
  const x = chart && chart.X.inverse(event.clientX - event.currentTarget.getBoundingClientRect().left);
  if (chart && x >= chart.x.low && x <= chart.x.high) {
    controls.values[controls.along] = Number(x.toPrecision(3));
    controls.build();
    onMove();
  }
});
let resized = 0;
window.addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(() => { if (run) drawRun(); drawStates(true); drawSpectrum(rest.spectra, rest.states, rest.done); }, 100); });

controls.set(Object.fromEntries(new URLSearchParams(location.search)));
onMove();

// Sliders, number fields, the address: what the page is set to. `state` holds the values; `onMove` hears of changes.

import { math } from "./charts.js";

export class Controls {
  constructor(choices, onMove) {
    [this.choices, this.onMove] = [choices, onMove];
    this.values = {};
    this.model = this.drift = this.along = "";
  }

  sliders() {
    return this.choices.models[this.model].sliders.filter((s) => !s.drift || s.drift === this.drift);
  }

  slider(name) {
    return this.sliders().find((s) => s.name === name);
  }

  value(name) {
    return this.values[name] ?? this.slider(name)?.value;
  }

  hasDrift() {
    return this.choices.models[this.model].sliders.some((s) => s.drift);
  }

  // What is asked of the server: only what differs from the defaults.
  setting() {
    const asked = { model: this.model };
    if (this.hasDrift() && this.drift !== "Leaky") asked.drift = this.drift;
    for (const s of this.sliders()) if (s.name in this.values && this.values[s.name] !== s.value) asked[s.name] = this.values[s.name];
    return asked;
  }

  address() {
    const asked = { ...this.setting(), along: this.along };
    return `?${new URLSearchParams(asked)}`;
  }

  // From an address or a preset.
  set(asked) {
    const { model, drift = "Leaky", along, ...values } = asked;
    this.model = model in this.choices.models ? model : Object.keys(this.choices.models)[0];
    this.drift = this.choices.drifts.includes(drift) && this.hasDrift() ? drift : "Leaky";
    this.values = {};
    for (const [name, text] of Object.entries(values)) if (this.slider(name)) this.values[name] = read(text);
    const allowed = this.sliders().filter((s) => s.along).map((s) => s.name);
    this.along = allowed.includes(along) ? along : allowed[0];
    this.build();
  }

  // From a model to another: what both have stays.
  change(model, drift) {
    this.set({ ...this.values, model, drift, along: this.along });
    this.onMove();
  }

  bounds() {
    const [low, high] = this.slider(this.along).along, value = Number(this.value(this.along));
    if (!Number.isFinite(value)) return [low, high];
    return [value < low ? value - 0.25 * (high - low) : low, value > high ? value + 0.25 * (high - low) : high];
  }

  build() {
    const host = document.querySelector("#controls"), groups = {};
    for (const s of this.sliders()) (groups[s.group] ??= []).push(s);
    host.innerHTML = "";
    for (const [title, sliders] of Object.entries(groups)) {
      const set = document.createElement("fieldset");
      set.innerHTML = `<legend>${title}</legend>`;
      sliders.forEach((s) => set.append(this.row(s)));
      host.append(set);
    }
    const reset = Object.assign(document.createElement("button"), { id: "reset", type: "button", textContent: "Reset all" });
    reset.onclick = () => { this.set({ model: this.model, drift: this.drift, along: this.along }); this.onMove(); };
    host.append(reset);
    const fill = (select, entries, chosen) => {
      select.innerHTML = entries.map(([value, text]) => `<option value="${value}">${text}</option>`).join("");
      select.value = chosen;
    };
    fill(document.querySelector("#model"), Object.keys(this.choices.models).map((m) => [m, m]), this.model);
    fill(document.querySelector("#drift"), this.choices.drifts.map((d) => [d, d]), this.drift);
    document.querySelector("#drift-choice").hidden = !this.hasDrift();
    fill(document.querySelector("#along"), this.sliders().filter((s) => s.along).map((s) => [s.name, s.symbol.replace("_", "")]), this.along);
  }

  row(s) {
    const row = document.createElement("div"), value = this.value(s.name);
    row.className = "slider";
    row.dataset.name = s.name;
    row.innerHTML = `<label for="${s.name}" title="${s.says}">${math(s.symbol)}</label>`
      + `<input id="${s.name}" type="range" min="0" max="1000" step="1" aria-label="${s.name}: ${s.says}">`
      + `<input type="text" inputmode="decimal" aria-label="${s.name}, as a number" title="${s.says}" spellcheck="false" autocomplete="off">`;
    const [, range, field] = row.children, numeric = Number(value);
    let [low, high] = [s.low, s.high];
    if (Number.isFinite(numeric)) {
      if (numeric < low && !(s.logarithmic && numeric <= 0)) low = s.logarithmic ? numeric / 2 : numeric - 0.25 * (high - numeric);
      if (numeric > high) high = s.logarithmic ? 2 * numeric : numeric + 0.25 * (numeric - low);
    }
    const toValue = s.logarithmic ? (p) => low * (high / low) ** (p / 1000) : (p) => low + (p / 1000) * (high - low);
    const toPlace = s.logarithmic ? (x) => (1000 * Math.log(x / low)) / Math.log(high / low) : (x) => (1000 * (x - low)) / (high - low);
    const places = Math.max(0, Math.ceil(-Math.log10((high - low) / 400)));
    range.value = Number.isFinite(numeric) ? toPlace(numeric) : 0;
    field.value = written(value);
    range.addEventListener("input", (event) => {
      const x = toValue(Number(range.value));
      this.values[s.name] = s.logarithmic ? Number(x.toPrecision(s.name === "tol" ? 1 : 3)) : Number(x.toFixed(places));
      field.value = written(this.values[s.name]);
      this.onMove(event.timeStamp);
    });
    field.addEventListener("change", () => {
      this.values[s.name] = read(field.value);
      row.replaceWith(this.row(s)); // its ends may have moved
      this.onMove();
    });
    return row;
  }

  // The fields that a sentence of felif's names are marked.
  mark(problem) {
    for (const row of document.querySelectorAll(".slider")) {
      const name = row.dataset.name, inner = name.replace(/^drift_/, "").replace(/_(E|I|\d)$/, "");
      row.classList.toggle("wrong", Boolean(problem) && (problem.includes(`${name} = `) || problem.includes(`: ${inner} = `)));
    }
  }
}

// As it is typed: 1e-4 rather than 0.0001.
function written(value) {
  return typeof value === "number" && value !== 0 && Math.abs(value) < 1e-2 ? value.toExponential().replace("e+", "e") : String(value);
}

function read(text) {
  const trimmed = String(text).trim(), value = Number(trimmed);
  return trimmed !== "" && Number.isFinite(value) ? value : trimmed;
}

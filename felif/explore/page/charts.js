// Axes, ticks and curves as SVG; formulas as text. Nothing here knows what is drawn.

export const COLOURS = ["#1857a4", "#c4501b", "#3f7d4e", "#7a4ea3"];
const LEFT = 58, RIGHT = 14, TOP = 20, BOTTOM = 40;

// viridis, at even places
const VIRIDIS = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99],
  [170, 220, 50], [253, 231, 37]];

export function viridis(share) {
  const at = Math.min(Math.max(share, 0), 1) * (VIRIDIS.length - 1), k = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return VIRIDIS[k].map((low, c) => Math.round(low + (at - k) * (VIRIDIS[k + 1][c] - low)));
}

// A formula: letters slanted, _x and _{x, y} below. `parts(slanted, below, plain)` says how.
function formula(text, slanted, below, plain) {
  return text.split(/(_\{[^}]*\}|_(?:[^\s()\[\]+\-=−,]|,(?=\S))+|[A-Za-zα-ωΑ-Ω]+)/).map((part) => {
    if (part.startsWith("_")) return below(part.replace(/^_\{?/, "").replace(/\}$/, ""));
    return /^[A-Za-zα-ωΑ-Ω]+$/.test(part) ? slanted(part) : plain(part);
  }).join("");
}

export function escape(text) {
  return String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
}

const upright = (s) => s.length > 2 || s === "Re" || s === "Im";

export function math(text) {
  return formula(text, (s) => (upright(s) ? s : `<i>${s}</i>`), (s) => `<sub>${s.length > 2 ? math(s) : escape(s)}</sub>`, escape);
}

function svgMath(text) {
  const lower = (s) => `<tspan dy="4" font-size="75%">${escape(s)}</tspan><tspan dy="-4">\u200b</tspan>`;
  return formula(text, (s) => (upright(s) ? s : `<tspan font-style="italic">${s}</tspan>`), lower, escape);
}

export function number(value, digits = 4) {
  if (value === null || value === undefined) return "∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-4) {
    const [lead, power] = value.toExponential(digits - 1).split("e"), factor = lead.replace(/\.0+$|(\.\d*?)0+$/, "$1");
    return `${factor === "1" ? "" : `${factor}·`}10${raised(Number(power))}`.replace("-", "−");
  }
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

function raised(power) {
  return String(power).replace(/[-0-9]/g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));
}

// A value with its error bar: as many digits as the error leaves.
export function withError(value, error) {
  const power = Math.floor(Math.log10(error)), places = Math.min(Math.max(1 - power, 0), 14);
  return `${value.toFixed(places)} ± ${number(error, 2)}`;
}

function ticks(low, high, logarithmic, count) {
  if (logarithmic) {
    const found = [], [a, b] = [Math.log10(low), Math.log10(high)], every = Math.ceil((b - a) / count);
    for (let k = Math.ceil(a); k <= b; k += every) found.push(10 ** k);
    if (found.length > 1) return found;
    return [1, 2, 5].flatMap((m) => [-1, 0, 1].map((k) => m * 10 ** (Math.floor(a) + k)))
      .filter((x) => x >= low && x <= high).sort((x, y) => x - y);
  }
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999), found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

function scale(low, high, from, to, logarithmic) {
  const place = logarithmic ? Math.log10 : (x) => x, [a, b] = [place(low), place(high)];
  const at = (x) => from + ((place(x) - a) / (b - a)) * (to - from);
  at.inverse = (p) => { const x = a + ((p - from) / (to - from)) * (b - a); return logarithmic ? 10 ** x : x; };
  return at;
}

// A chart in `host`: `x`, `y` are {low, high, log, label}. Add with its methods, then `draw`.
export class Chart {
  constructor(host, x, y, height) {
    this.host = host;
    this.width = Math.max(host.clientWidth, 240);
    this.height = height;
    this.box = { left: LEFT, right: this.width - RIGHT, top: TOP, bottom: height - BOTTOM };
    [this.x, this.y] = [x, y];
    this.X = scale(x.low, x.high, this.box.left, this.box.right, x.log);
    this.Y = scale(y.low, y.high, this.box.bottom, this.box.top, y.log);
    [this.under, this.inside, this.over] = [[], [], []];
  }

  path(xs, ys, { colour = COLOURS[0], width = 1.9, dash = "", opacity = 1 } = {}) {
    let d = "", pen = "M";
    const [least, most] = [this.box.top - 4000, this.box.bottom + 4000];
    for (let k = 0; k < xs.length; k++) {
      if (xs[k] === null || ys[k] === null || (this.y.log && ys[k] <= 0) || (this.x.log && xs[k] <= 0)) { pen = "M"; continue; }
      const height = Math.min(Math.max(this.Y(ys[k]), least), most);
      d += `${pen}${this.X(xs[k]).toFixed(1)} ${height.toFixed(1)}`;
      pen = "L";
    }
    this.inside.push(`<path d="${d}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-dasharray="${dash}" stroke-linejoin="round" opacity="${opacity}"/>`);
  }

  point(x, y, { colour = COLOURS[0], filled = true, shape = "circle", size = 4.5, title = "" } = {}) {
    if (y === null || (this.y.log && y <= 0)) return;
    const [a, b] = [this.X(x), this.Y(y)], style = `fill="${filled ? colour : "#fff"}" stroke="${colour}" stroke-width="1.8"`;
    if (!(a >= this.box.left - 1 && a <= this.box.right + 1 && b >= this.box.top - 1 && b <= this.box.bottom + 1)) return;
    const mark = shape === "circle" ? `<circle cx="${a}" cy="${b}" r="${size}" ${style}>`
      : `<rect x="${a - size}" y="${b - size}" width="${2 * size}" height="${2 * size}" ${style} transform="rotate(${shape === "diamond" ? 45 : 0} ${a} ${b})">`;
    this.over.push(`${mark}<title>${escape(title)}</title></${shape === "circle" ? "circle" : "rect"}>`);
  }

  vertical(x, { colour = "#8a96a3", dash = "2 3", label = "", width = 1 } = {}) {
    const a = this.X(x);
    if (!(a >= this.box.left - 1 && a <= this.box.right + 1)) return;
    this.under.push(`<path d="M${a} ${this.box.top}V${this.box.bottom}" stroke="${colour}" stroke-dasharray="${dash}" stroke-width="${width}"/>`);
    if (label) this.over.push(`<text class="mark" x="${a}" y="${this.box.top - 5}" text-anchor="middle">${svgMath(label)}</text>`);
  }

  band(low, high, colour) {
    const [a, b] = [low, high].map((x) => Math.min(Math.max(this.X(x), this.box.left), this.box.right));
    this.under.push(`<rect x="${a}" y="${this.box.top}" width="${b - a}" height="${this.box.bottom - this.box.top}" fill="${colour}"/>`);
  }

  text(x, y, text, { anchor = "start", colour = "#45525f" } = {}) {
    this.over.push(`<text class="label" x="${x}" y="${y}" text-anchor="${anchor}" style="fill:${colour}">${svgMath(text)}</text>`);
  }

  // Entries [{label, colour, dash}] at the top right, in a row.
  legend(entries) {
    let right = this.box.right;
    for (const { label, colour, dash = "", shape = "" } of [...entries].reverse()) {
      const wide = 8.2 * label.replace(/[_{}]/g, "").length;
      right -= wide;
      this.over.push(`<text class="label" x="${right}" y="${this.box.top - 4}">${svgMath(label)}</text>`);
      this.over.push(`<path d="M${right - 25} ${this.box.top - 9}h20" stroke="${colour}" stroke-width="2.2" stroke-dasharray="${dash}"/>`);
      right -= 40;
    }
  }

  draw(grid = true) {
    const { left, right, top, bottom } = this.box, axes = [], name = `clip-${this.host.parentElement.id}`;
    for (const x of ticks(this.x.low, this.x.high, this.x.log, this.width / 90)) {
      const a = this.X(x).toFixed(1);
      if (grid) axes.push(`<path d="M${a} ${top}V${bottom}" stroke="#e9edf1"/>`);
      axes.push(`<path d="M${a} ${bottom}v4" stroke="#8a96a3"/><text x="${a}" y="${bottom + 17}" text-anchor="middle">${number(x, 6)}</text>`);
    }
    for (const y of this.y.parts ? [] : ticks(this.y.low, this.y.high, this.y.log, this.height / 55)) {
      const b = this.Y(y).toFixed(1);
      if (grid) axes.push(`<path d="M${left} ${b}H${right}" stroke="#e9edf1"/>`);
      axes.push(`<path d="M${left} ${b}h-4" stroke="#8a96a3"/><text x="${left - 7}" y="${Number(b) + 4}" text-anchor="end">${number(y, 6)}</text>`);
    }
    axes.push(`<path d="M${left} ${top}V${bottom}H${right}" fill="none" stroke="#8a96a3"/>`);
    axes.push(`<text class="label" x="${(left + right) / 2}" y="${this.height - 5}" text-anchor="middle">${svgMath(this.x.label)}</text>`);
    axes.push(`<text class="label" transform="translate(14 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle">${svgMath(this.y.label)}</text>`);
    const clip = `<clipPath id="${name}"><rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}"/></clipPath>`;
    const canvas = this.host.querySelector("canvas");
    this.host.innerHTML = `<svg viewBox="0 0 ${this.width} ${this.height}" height="${this.height}">${clip}<g>${grid ? this.under.join("") : ""}</g>${axes.join("")}<g clip-path="url(#${name})">${grid ? "" : this.under.join("")}${this.inside.join("")}</g>${this.over.join("")}</svg>`;
    if (canvas) this.host.prepend(canvas);
    this.host.chart = this;
  }
}

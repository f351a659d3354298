/* The loss along a descent, over the levels of all minima found. */
import {digits} from "../common/format.js";
import {set, svg} from "./svg.js";

const [LEFT, RIGHT, TOP, BOTTOM] = [58, 34, 12, 40];
/** Labels of levels are at least so many pixels apart; what does not fit has none. */
const APART = 17;
const LEAST_STEPS = 100;
/** The picture goes by this factor beyond what is in it, and no lower than this share of the silent loss. */
const [MARGIN, LEAST] = [1.08, 1e-3];

export class Chart {
  constructor() {
    this.parts = {levels: svg("g"), axes: svg("g", {class: "axes"}), path: svg("path", {class: "trace"}), dot: svg("circle", {r: 5, class: "now"})};
    this.element = svg("svg", {class: "chart", role: "img"}, ...Object.values(this.parts));
    this.sized = new ResizeObserver(() => this.last && this.show(...this.last));
    this.sized.observe(this.element);
  }

  /** Draws the trace [[step, loss], ...] and the levels. */
  show(trace, levels, here, silent) {
    this.last = [trace, levels, here, silent];
    const {width, height} = this.element.getBoundingClientRect();
    if (!width) return;
    this.#scale(width, height, trace, levels, silent);
    this.#drawLevels(levels, here);
    this.#drawAxes();
    const [steps, loss] = trace.at(-1);
    set(this.parts.path, {d: trace.map(([s, l], k) => `${k ? "L" : "M"}${this.x(s).toFixed(1)} ${this.y(l).toFixed(1)}`).join("")});
    set(this.parts.dot, {cx: this.x(steps), cy: this.y(loss)});
    set(this.element, {viewBox: `0 0 ${width} ${height}`, "aria-label":
      `Loss ${digits(loss)} after ${steps} steps, over ${levels.length} levels of minima${here ? `; on level ${levels.indexOf(here) + 1}` : ""}`});
  }

  /** Losses from below the lowest level to the silent network's, logarithmically, steps likewise. */
  #scale(width, height, trace, levels, silent) {
    const lowest = Math.min(trace.at(-1)[1], ...levels.map(({loss}) => loss));
    const bottom = Math.max(lowest, LEAST * silent) / MARGIN;
    const top = MARGIN * Math.max(silent, trace.at(-1)[1]);
    const steps = Math.max(LEAST_STEPS, trace.at(-1)[0]);
    this.size = {width, height, bottom, top, steps};
    this.x = (s) => LEFT + ((width - LEFT - RIGHT) * Math.log1p(s)) / Math.log1p(steps);
    this.y = (l) => TOP + (height - TOP - BOTTOM) * Math.min(1, Math.max(0, Math.log(top / Math.max(l, bottom)) / Math.log(top / bottom)));
  }

  #drawLevels(levels, here) {
    const {width} = this.size;
    const taken = here ? [this.y(here.loss)] : [];
    this.parts.levels.replaceChildren(...levels.flatMap((level, k) => {
      const y = this.y(level.loss);
      const kind = level === here ? "here" : "";
      const line = svg("line", {x1: LEFT, x2: width - RIGHT, y1: y, y2: y, class: `level ${kind}`});
      if (!kind && taken.some((other) => Math.abs(other - y) < APART)) return [line];
      taken.push(y);
      return [line, text(k + 1, width - RIGHT + 9, y, kind)];
    }));
  }

  #drawAxes() {
    const {width, height, bottom, top, steps} = this.size;
    const decades = [1, 10, 100, 1000, 10_000, 100_000].filter((s) => s <= steps);
    const losses = ticks(bottom, top).filter((loss) => this.y(loss) > TOP + APART);
    this.parts.axes.replaceChildren(
      svg("path", {d: `M${LEFT} ${TOP}V${height - BOTTOM}H${width - RIGHT}`}),
      ...losses.map((loss) => text(digits(loss, 1), LEFT - 6, this.y(loss), "tick end")),
      ...decades.map((s) => text(s.toLocaleString("en"), this.x(s), height - BOTTOM + 14, "tick middle")),
      text("steps", (LEFT + width - RIGHT) / 2, height - 8, "middle"), text("loss", 4, TOP + 2, "tick"),
    );
  }
}

function text(content, x, y, kind) {
  const element = svg("text", {x, y, class: kind});
  element.textContent = content;
  return element;
}

/** Numbers 1, 2, 5 times powers of ten in a range. */
function ticks(low, high) {
  const first = Math.floor(Math.log10(low));
  const decades = Array.from({length: Math.ceil(Math.log10(high)) - first}, (_, k) => 10 ** (first + k));
  return decades.flatMap((ten) => [ten, 2 * ten, 5 * ten]).filter((value) => value > low && value < high);
}

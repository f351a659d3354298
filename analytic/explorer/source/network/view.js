/* Several features in two hidden units: arrows, the way down, and the ladder of minima. */
import {explained} from "../common/dom.js";
import {Arrows} from "./arrows.js";
import {Chart} from "./chart.js";
import {geometry, inWords} from "./geometry.js";
import {Levels, start} from "./levels.js";
import {decaying, Model} from "./model.js";
import {DYNAMICS, Motion, rateOf} from "./motion.js";
import {BIASES, FEATURES, panels} from "./panels.js";
import {python} from "./python.js";
import {features, ladder, lossText} from "./tables.js";
import {marked, WORDS} from "./words.js";

export const DEFAULTS = {features: 5, decay: 1, dynamics: "gd", arrows: ""};

/** Small random weights are Xavier's times this. */
const SMALL = 0.05;
/** The first seed: of five equal features it finds the best level from density 0.05 to 0.5. */
const FIRST = 3;
/** The search: so many starts, some at a time, once the hand has rested for so many milliseconds. */
const [STARTS, AT_ONCE, REST] = [200, 5, 250];
/** Points of the trace that are kept; a longer one is thinned. */
const KEPT = 1200;
/** At rest on a level: losses agree to this share of the silent loss. */
const NEAR = 1e-5;

/** Draws the view. */
export function mount(element, state, tools) {
  return new View(element, state, tools);
}

class View {
  constructor(element, state, tools) {
    this.tools = tools;
    this.seed = FIRST;
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.arrows = new Arrows({moved: (i, at) => this.#move(i, at), released: () => this.#descend(this.motion.theta)});
    this.chart = new Chart();
    const act = {change: tools.change, start: () => this.#start(), pause: () => this.#pause()};
    this.parts = panels(element, act, {arrows: this.arrows.element, chart: this.chart.element});
    this.update(state);
  }

  /** Shows a state. */
  update(given) {
    const state = checked(given);
    const model = modelOf(state);
    const before = this.model;
    this.state = state;
    this.parts.dynamics.value = state.dynamics;
    for (const name of ["features", "bias", "density", "decay"]) this.parts[name].show(name === "features" ? String(state[name]) : state[name]);
    const asked = state.arrows === this.written ? null : read(state.arrows, model);
    if (before && sameModel(before, model)) {
      if (asked) this.#rest(asked);
      else if (this.motion.dynamics !== state.dynamics && this.running) this.#descend(this.motion.theta);
      return;
    }
    this.model = model;
    this.#search(before === undefined);
    if (asked) this.#rest(asked);
    else if (before?.features === model.features) this.#descend(adapted(before, model, this.motion.theta));
    else this.#start();
  }

  #start() {
    this.#descend(start(this.model, this.seed++, SMALL));
  }

  /** Begins a descent. */
  #descend(theta) {
    this.#begin(theta);
    this.running = true;
    this.parts.pause.textContent = "Stop";
    this.#draw();
    this.frame = requestAnimationFrame(() => this.#advance());
  }

  /** Stands at a point that the address gives. */
  #rest(theta) {
    this.written = this.state.arrows;
    this.#begin(theta);
    this.#draw();
  }

  /** Goes to a point at once. */
  #jump(theta) {
    this.#begin(theta);
    this.#draw();
    this.#tell();
  }

  #begin(theta) {
    cancelAnimationFrame(this.frame);
    this.running = false;
    this.motion = new Motion(this.model, theta, this.state.dynamics);
    this.trace = [[0, this.motion.loss]];
    this.parts.pause.textContent = "Go on";
  }

  #advance() {
    const {motion, trace} = this;
    motion.frame(this.calm);
    if (motion.steps > trace.at(-1)[0]) trace.push([motion.steps, motion.loss]);
    if (trace.length > KEPT) this.trace = trace.filter((_, k) => k % 2 === 0);
    if (!motion.rests) this.frame = requestAnimationFrame(() => this.#advance());
    else this.#arrive();
    if (!this.calm || motion.rests) this.#draw();
  }

  #arrive() {
    this.running = false;
    this.parts.pause.textContent = "Go on";
    this.#tell();
  }

  #pause() {
    if (!this.running) this.#descend(this.motion.theta);
    else {
      cancelAnimationFrame(this.frame);
      this.#arrive();
    }
  }

  #move(i, [x, y]) {
    const {W, b} = this.model.split(this.motion.theta);
    [W[0][i], W[1][i]] = [x, y];
    this.#begin(this.model.join(W, b));
    this.#draw();
  }

  /** Writes where the arrows are into the address. */
  #tell() {
    this.written = Array.from(this.motion.theta, (value) => String(Number(value.toPrecision(6)))).join(",");
    this.tools.change({arrows: this.written});
  }

  /** Looks for levels, anew for this model. */
  async #search(atOnce) {
    this.tools.helper.drop();
    clearTimeout(this.waiting);
    const {model} = this;
    const levels = new Levels(model);
    this.chart.element.classList.add("stale");
    this.parts.ladder.classList.add("stale");
    await new Promise((done) => (this.waiting = setTimeout(done, atOnce ? 0 : REST)));
    const {features: count, density, bias} = model;
    const plain = {features: count, density, bias, importance: Array.from(model.importance)};
    while (levels.starts < STARTS && this.model === model) {
      const found = await this.tools.helper.ask("network.ends", {model: plain, first: levels.starts, count: AT_ONCE});
      if (this.model === model) this.#climb(levels, found);
    }
  }

  #climb(levels, found) {
    levels.add(found);
    this.levels = levels;
    this.chart.element.classList.remove("stale");
    this.parts.ladder.classList.remove("stale");
    const count = levels.all.length;
    this.parts.search.textContent = `${count} ${count === 1 ? "level" : "levels"} found in ${levels.starts} Xavier starts${
      levels.lost ? `, ${levels.lost} of which did not converge` : ""}${levels.starts < STARTS ? " …" : "; found is not proved"}. ${
      "The shares are of Xavier starts; the Start button begins smaller."}`;
    this.laddered = null;
    if (!this.running) this.#draw();
    else this.#drawLadder(null);
  }

  /** The level that the arrows rest at. */
  #here() {
    return this.running || !this.levels || this.levels.model !== this.model ? null : this.levels.at(this.motion.loss, NEAR);
  }

  #draw() {
    const {model, motion, levels} = this;
    const {W} = model.split(motion.theta);
    const groups = geometry(W);
    const most = Math.max(...model.importance);
    const here = this.#here();
    this.arrows.show(W, groups, Array.from(model.importance, (each) => each / most));
    this.chart.show(this.trace, levels?.all ?? [], here, model.silent);
    this.#say(inWords(groups), here);
    this.parts.table.replaceChildren(features(model, motion.theta));
    this.#drawLadder(here);
  }

  #say(words, here) {
    if (this.parts.words.textContent !== words) this.parts.words.replaceChildren(...explained(marked(words), WORDS));
    const {motion} = this;
    const steps = motion.steps.toLocaleString("en");
    this.parts.loss.textContent = `loss ${lossText(motion.loss, motion.model)} after ${steps} steps${this.#place(here)}`;
  }

  /** Where the arrows rest, in words; nothing while they move or before there are levels. */
  #place(here) {
    const {levels, motion} = this;
    if (here) return ` · on level ${levels.all.indexOf(here) + 1} of ${levels.all.length}`;
    if (this.running || !motion.still || levels?.model !== this.model) return "";
    return " · at rest, on none of the levels: a saddle, or a minimum not found yet";
  }

  /** The ladder is built anew only where it differs: a button keeps its focus. */
  #drawLadder(here) {
    if (!this.levels || this.laddered === (here ?? this.levels)) return;
    const focused = [...this.parts.ladder.querySelectorAll("button")].indexOf(document.activeElement);
    this.laddered = here ?? this.levels;
    this.parts.ladder.replaceChildren(ladder(this.levels, here, (level) => this.#jump(level.theta)));
    this.parts.ladder.querySelectorAll("button")[focused]?.focus({preventScroll: true});
  }

  /** Lines of Python that reproduce what is shown. */
  python() {
    return python(this.model, this.motion.theta, this.state.dynamics, rateOf(this.model, this.state.dynamics));
  }

  /** Takes the view from the page. */
  destroy() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.waiting);
    this.model = null;
    this.chart.sized.disconnect();
    this.tools.helper.drop();
  }
}

function modelOf({features: count, density, decay, bias}) {
  return new Model({features: count, density, bias, importance: decaying(count, decay)});
}

function sameModel(one, other) {
  return one.features === other.features && one.density === other.density && one.bias === other.bias
    && one.importance.every((value, i) => value === other.importance[i]);
}

/** The same arrows in another model, with the nearest bias of its convention. */
function adapted(from, to, theta) {
  const {W, b} = from.split(theta);
  const mean = b.reduce((sum, each) => sum + each, 0) / b.length;
  return to.join(W, to.biases === 1 ? [mean] : b);
}

/** Parameters that an address gives; null if they are none of this model. */
function read(text, model) {
  const values = text.split(",").map(Number);
  return text && values.length === model.size && values.every(Number.isFinite) ? Float64Array.from(values) : null;
}

/** A state whose values are admissible: what an address says may be anything. */
function checked(state) {
  const within = (value, low, high) => Math.min(high, Math.max(low, value));
  return {
    ...state,
    features: state.features in FEATURES ? state.features : DEFAULTS.features,
    density: within(state.density, 0.01, 1),
    decay: within(state.decay, 0.5, 1),
    bias: state.bias in BIASES ? state.bias : "per-feature",
    dynamics: state.dynamics in DYNAMICS ? state.dynamics : DEFAULTS.dynamics,
  };
}

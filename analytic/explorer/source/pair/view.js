/* Two features in one hidden unit: the phase diagram, the loss over the weights, and where it is flat. */
import {digits, places} from "../common/format.js";
import {Sheet} from "../common/sheet.js";
import {Descent} from "./descent.js";
import {Diagram} from "./diagram.js";
import {endAt, endsOf, flatSets} from "./ends.js";
import {Grid} from "./grid.js";
import {distance, landscape} from "./landscape.js";
import {listen} from "./hands.js";
import {attractsOneSided, table} from "./list.js";
import {BIASES, Model} from "./model.js";
import {MOTIONS} from "./motions.js";
import {basinKey, curveKey, panels} from "./panels.js";
import {EXTENT, Plane, endColors} from "./plane.js";
import {python} from "./python.js";
import {DEFAULTS as VALUES, checked, startOf} from "./state.js";
import {atBiases} from "./surface.js";

export const DEFAULTS = VALUES;
/** Pixels of the surface and of the basins, and starts that are counted. */
const SIZE = 200;
const BASINS = 144;
const STARTS = 2000;
/** Biases that differ by less are not told apart in a picture. */
const SAME = 0.01;
/** Noise keeps a descent within this distance of where it would end. */
const SHAKEN = 0.15;
const INVITATION = "Click into the picture: a network starts there, with zero bias.";
/** The hand rests after so many milliseconds. */
const REST = 200;
/** Draws the view. */
export function mount(element, state, tools) {
  return new View(element, state, tools);
}

class View {
  constructor(element, state, tools) {
    this.tools = tools;
    this.state = state;
    this.values = new Float64Array(SIZE * SIZE);
    this.trail = [];
    this.cursor = null;
    this.parts = panels(element, {
      change: tools.change,
      random: () => this.#start([0, 0].map(() => 1.5 * EXTENT * (Math.random() - 0.5))),
      clear: () => tools.change({start: ""}),
    });
    this.listening = new AbortController();
    tools.stored("pair").then((knowledge) => this.#begin(knowledge));
  }

  #begin(knowledge) {
    if (this.listening.signal.aborted) return;
    this.knowledge = knowledge;
    this.diagrams = Object.fromEntries(Object.keys(BIASES).map((bias) => [bias, new Diagram(knowledge, bias)]));
    this.grids = Object.fromEntries(Object.keys(BIASES).map((bias) => [bias, new Grid(knowledge, bias)]));
    this.plane = new Plane(knowledge.colors);
    this.parts.bar.children[1].style.background = `linear-gradient(to right, ${this.plane.gradient()})`;
    const {diagram, plane} = this.parts;
    this.sheets = {
      diagram: new Sheet(diagram, (...at) => this.diagrams[this.model.bias].paint(...at, this.model)),
      plane: new Sheet(plane, (...at) => this.plane.paint(...at, this.#scene())),
    };
    this.#listen();
    this.update(this.state);
    performance.mark("landscape");
  }

  /** Shows a state. */
  update(state) {
    const before = this.shown;
    this.state = checked(state);
    if (!this.knowledge) return;
    this.shown = this.state;
    const changed = (...names) => !before || names.some((name) => before[name] !== this.state[name]);
    if (changed("density", "importance", "bias")) this.#changeModel();
    else if (changed("point", "surface")) this.#select();
    if (changed("density", "importance", "bias", "surface", "basins")) this.#rest();
    if (changed("density", "importance", "bias", "start", "motion", "rate", "batch")) this.#descend();
    this.#showControls();
    for (const sheet of Object.values(this.sheets)) sheet.redraw();
  }

  #changeModel() {
    const {density, importance, bias} = this.state;
    this.model = new Model({density, importance, bias});
    this.#take(landscape(this.model, this.grids[bias].around(density, importance, 1)));
    this.plane.hideBasins();
    this.parts.curves.replaceChildren(...curveKey(this.diagrams[bias].kinds));
  }

  /** Takes a landscape: its points, flat sets and colours, and which of them is selected; shares are to be counted. */
  #take({points, complete}) {
    const former = this.selected;
    this.shares = null;
    this.points = points;
    this.complete = complete;
    this.flat = flatSets(this.model);
    this.ends = endsOf(points, this.flat);
    this.entries = [...this.ends, ...[...points, ...this.flat].filter((each) => !this.ends.includes(each))];
    const colors = endColors(this.entries, this.knowledge.colors.phases);
    this.colors = new Map(this.entries.map((entry, k) => [entry, colors[k]]));
    this.#select(former);
  }

  /** The selected entry: the best end, or the one with its number; when the model changes, the nearest to before. */
  #select(former) {
    const {point} = this.state;
    this.selected = this.entries[point === "best" ? 0 : Number(point)] ?? this.entries[0];
    if (point !== "best" && former && former.theta.length === this.model.size) {
      const near = (entry) =>
        distance(entry.theta, former.theta) + (Boolean(entry.flat) === Boolean(former.flat) ? 0 : 100);
      this.selected = this.entries.reduce((best, entry) => (near(entry) < near(best) ? entry : best));
      this.#renumber(String(this.entries.indexOf(this.selected)));
    }
    this.#drawSurface();
    this.#showList();
  }

  /** The selected entry has another number in a new list: the page is told after it has shown the state at hand. */
  #renumber(point) {
    if (point === this.state.point) return;
    this.state = {...this.state, point};
    this.shown = this.state;
    queueMicrotask(() => this.tools.change({point}));
  }

  #drawSurface() {
    if (this.state.surface === "best" && this.bestOf === this.model) return;
    const z = this.model.full(this.selected.theta);
    this.bestOf = null;
    this.#show(atBiases(this.model, z.slice(2), SIZE, EXTENT, this.values));
  }

  #show(values) {
    this.plane.show(values, SIZE);
    const [low, , high] = this.parts.bar.children;
    low.textContent = `loss ${digits(this.plane.surface.low, 3)}`;
    high.textContent = `${digits(this.plane.surface.high, 3)}, logarithmic`;
    this.#nameSlice();
    this.sheets.plane.redraw();
  }

  /** What takes longer than a frame waits until the hand rests. */
  #rest() {
    clearTimeout(this.waiting);
    this.tools.helper.drop();
    this.waiting = setTimeout(() => this.#work(), REST);
  }

  async #work() {
    const {model, state} = this;
    const given = {density: model.density, importance: model.importance, bias: model.bias};
    const current = () =>
      this.model === model && this.state.surface === state.surface && this.state.basins === state.basins;
    const ask = this.tools.helper.ask.bind(this.tools.helper);
    if (!this.shares) await this.#refine(given, current);
    if (!current()) return;
    if (state.surface === "best") {
      const values = await ask("pair.surface", {model: given, size: SIZE, extent: EXTENT});
      if (!current()) return;
      this.bestOf = model;
      this.#show(values);
    }
    if (!this.shares) await this.#count(given, current);
    if (state.basins && current()) await this.#map(given, current);
  }

  /** Takes the landscape from more starts and, if a point is missing yet, from the search for it. */
  async #refine(given, current) {
    const starts = this.grids[given.bias].around(given.density, given.importance, 2);
    this.#take(landscape(this.model, starts));
    if (this.complete) return;
    const found = await this.tools.helper.ask("pair.refined", {model: given, starts});
    if (current()) this.#take(found);
  }

  async #count(given, current) {
    const {points, flat} = this;
    const {spread} = this.knowledge;
    const hits = await this.tools.helper.ask("pair.shares", {model: given, points, count: STARTS, spread});
    if (!current()) return;
    const targets = [...points, ...flat];
    this.shares = new Map(Object.entries(hits).map(([label, count]) => [targets[label], count / STARTS]));
    for (const end of this.ends) if (!this.shares.has(end)) this.shares.set(end, 0);
    this.#showList();
  }

  async #map(given, current) {
    const targets = [...this.points, ...this.flat];
    const labels = await this.tools.helper.ask("pair.basins", {
      model: given,
      points: this.points,
      size: BASINS,
      extent: EXTENT,
    });
    if (!current()) return;
    this.plane.showBasins(
      labels,
      targets.map((target) => this.colors.get(target)),
      BASINS,
    );
    const reached = new Set(labels);
    const ends = targets.filter((_, label) => reached.has(label));
    this.parts.basinKey.replaceChildren(...basinKey(ends, this.colors));
    this.#showVeil();
    this.sheets.plane.redraw();
  }

  /** The bar explains the colours of the loss, the other key those of the basins that veil it. */
  #showVeil() {
    if (!this.state.basins) this.plane.hideBasins();
    this.parts.basinKey.hidden = !this.plane.veil;
    this.parts.bar.hidden = Boolean(this.plane.veil);
  }

  /** Starts the way down that the state asks for. */
  #descend() {
    cancelAnimationFrame(this.running);
    this.trail = [];
    this.way = null;
    this.parts.status.textContent = INVITATION;
    const start = startOf(this.state);
    if (!start) return;
    this.seed = (this.seed ?? 0) + 1;
    this.way = new Descent(this.model, this.model.own([...start, 0, 0]), this.state, this.seed);
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const advance = () => {
      do this.way.advance();
      while (still && !this.way.done);
      this.trail = this.way.trail;
      this.#showWay();
      this.sheets.plane.draw();
      if (!this.way.done) this.running = requestAnimationFrame(advance);
    };
    this.running = requestAnimationFrame(advance);
  }

  #start(W) {
    this.tools.change({start: W.map((value) => value.toFixed(3)).join(",")});
    this.#descend();
  }

  #showWay() {
    const {way, model} = this;
    const elapsed = way.name === "flow" ? `time ${digits(way.time, 3)}` : `${way.count - 1} steps`;
    const loss = `loss ${digits(model.loss(way.theta), 6)}`;
    if (way.diverged) this.parts.status.textContent = `Diverged after ${elapsed}: the rate is too high.`;
    else if (!way.done) this.parts.status.textContent = `On its way: ${elapsed}, ${loss}.`;
    else this.parts.status.textContent = `${this.#endInWords(way)} after ${elapsed}, ${loss}.${this.#slicedInWords()}`;
  }

  #endInWords(way) {
    const {sampled} = MOTIONS[way.name];
    const end = endAt(this.model, way.theta, this.points, this.flat, sampled ? SHAKEN : undefined);
    if (!end && this.model.tops(way.theta).includes(0))
      return "No slope here (ReLU′(0) = 0), but the loss falls as b grows: at rest";
    if (!end) return "Still on its way";
    const other = attractsOneSided(end) ? "point, which attracts from one side," : `${end.kind} point`;
    const kind = end.kind === "minimum" ? `${end.flat ? "flat " : ""}minimum` : other;
    const best = end === this.entries[0] ? ", the best," : "";
    return `${sampled ? "Shaken by noise around" : "Ended at"} the ${end.phase} ${kind}${best}`;
  }

  /** What the picture leaves out about a way whose biases move. */
  #slicedInWords() {
    const fixed = this.model.bias === "none" || this.bestOf;
    return fixed ? "" : " Its biases move too; the colours are one slice.";
  }

  #scene() {
    const {points, flat, selected, trail, cursor} = this;
    const b = this.model.full(selected.theta).slice(2);
    const here = (point) => this.bestOf !== null || point.b.every((value, i) => Math.abs(value - b[i]) < SAME);
    return {points, flat, here, selected, best: this.ends[0], trail, cursor};
  }

  #showList() {
    const {selected, shares, colors} = this;
    const context = {selected, shares, colors, best: this.ends[0], bias: this.model.bias};
    const places = () => [...this.parts.list.querySelectorAll("[tabindex]")];
    const focused = places().indexOf(document.activeElement);
    this.parts.list.replaceChildren(
      table(this.entries, context, (entry) => {
        this.tools.change({point: String(this.entries.indexOf(entry)), surface: "selected"});
      }),
    );
    places()[focused]?.focus({preventScroll: true});
    const missing = this.complete ? "" : "Refining: the indices do not add up, so a point is missing. ";
    const flat = this.ends.filter((end) => end.flat).length;
    const counts = [
      counted(this.ends.length - flat, "minimum", "minima"),
      ...(flat ? [counted(flat, "flat minimum", "flat minima")] : []),
    ];
    const click = this.model.bias === "none" ? "" : " Click one to see the loss at its biases.";
    this.parts.shares.textContent = `${missing}${counts.join(" and ")}, each also at −W.${click}`;
  }

  #showControls() {
    const {bias, surface, density, importance, basins, motion, rate, batch, start} = this.state;
    const {parts} = this;
    for (const [name, value] of Object.entries({bias, surface, density, importance, rate, batch}))
      parts[name].show(value);
    parts.basins.checked = basins;
    this.#showVeil();
    parts.motion.value = motion;
    parts.rate.hidden = !MOTIONS[motion].rate;
    parts.batch.hidden = !MOTIONS[motion].sampled;
    parts.clear.disabled = !start;
    parts.surface.hidden = bias === "none";
  }

  #listen() {
    const {signal} = this.listening;
    const view = this;
    const hands = {
      get state() {
        return view.state;
      },
      get diagram() {
        return view.diagrams[view.model.bias];
      },
      get cursor() {
        return view.cursor;
      },
      plane: this.plane,
      change: this.tools.change,
      point: (W) => this.#say(W),
      name: (boundary) => (this.parts.curve.textContent = boundary ? `Boundary: ${boundary}.` : ""),
      aim: (W) => this.#aim(W),
      start: (W) => this.#start(W),
    };
    listen(this.sheets, hands, signal);
    const scheme = window.matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", () => this.update(this.state), {signal});
  }

  /** Where in the space of biases the surface lies. */
  #nameSlice() {
    const {bias} = this.model;
    const [b1, b2] = this.model
      .full(this.selected.theta)
      .slice(2)
      .map((value) => places(value, 4));
    const slice = bias === "shared" ? `b = ${b1}` : `b = (${b1}, ${b2})`;
    if (bias === "none") this.parts.note.textContent = "";
    else if (this.bestOf) this.parts.note.textContent = "Every W has the biases that are best for it.";
    else {
      const member = this.selected.flat ? ", one member of the family" : "";
      this.parts.note.textContent = `The slice at ${slice}${member}; faded points lie at other biases.`;
    }
  }

  /** What the surface has at some weights, or which surface it is. */
  #say(W) {
    if (!W) {
      this.#nameSlice();
      return;
    }
    const [column, row] = [W[0], -W[1]].map((value) =>
      Math.min(SIZE - 1, Math.floor(((value / EXTENT + 1) / 2) * SIZE)),
    );
    const b = this.model.full(this.selected.theta).slice(2);
    const loss = this.bestOf ? this.plane.at(row, column) : this.model.loss(this.model.own([...W, ...b]));
    this.parts.note.textContent = `W = (${places(W[0], 3)}, ${places(W[1], 3)}): loss ${digits(loss, 4)}`;
  }

  /** Puts the cross of the keys somewhere, or nowhere. */
  #aim(at) {
    this.cursor = at;
    this.#say(at);
    this.sheets.plane.redraw();
  }

  /** Lines of Python that reproduce what is shown. */
  python() {
    const model = this.model ?? new Model(checked(this.state));
    const sliced = this.selected && this.state.surface === "selected";
    const b = sliced ? model.full(this.selected.theta).slice(2) : null;
    return python(model, this.state, b, startOf(this.state));
  }

  /** Takes the view from the page. */
  destroy() {
    this.listening.abort();
    clearTimeout(this.waiting);
    cancelAnimationFrame(this.running);
    this.tools.helper.drop();
    for (const sheet of Object.values(this.sheets ?? {})) sheet.destroy();
  }
}

function counted(count, one, many) {
  return `${count} ${count === 1 ? one : many}`;
}

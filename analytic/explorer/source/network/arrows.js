/* The columns of W as arrows in the plane of the two hidden units; each tip can be moved, by hand or by keys. */
import {places} from "../common/format.js";
import {columns} from "./geometry.js";
import {set, svg} from "./svg.js";

/** Half the side of the picture, in lengths of arrows. */
const EXTENT = 1.65;
/** A tip that is moved stays within this, so that its label is in the picture. */
const FARTHEST = 1.4;
const [NUDGE, FAR] = [0.02, 0.1];
/** Tips that are closer share a label; it is so far from the tip, or from the centre for arrows that are shorter. */
const [CLOSE, BESIDE, SHORT] = [0.07, 0.15, 0.12];
const KEYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]};

/** The picture; `moved(i, [x, y])` is called while a tip moves, `released()` when it is let go. */
export class Arrows {
  constructor({moved, released}) {
    Object.assign(this, {moved, released, arrows: []});
    this.layer = svg("g");
    this.labels = svg("g", {class: "labels", "aria-hidden": "true"});
    this.element = svg("svg", {viewBox: `${-EXTENT} ${-EXTENT} ${2 * EXTENT} ${2 * EXTENT}`, class: "arrows", role: "group",
      "aria-label": "The columns of W as arrows"}, ...background(), this.layer, this.labels);
  }

  /** Draws W (two rows), with the group of every feature and its share of the greatest importance. */
  show(W, groups, shares) {
    const all = columns(W);
    if (this.arrows.length !== all.length) this.#make(all.length);
    const groupOf = all.map((_, i) => groups.findIndex(({features}) => features.includes(i)));
    all.forEach((at, i) => this.#place(i, at, groups[groupOf[i]].name, groupOf[i], shares[i]));
    this.labels.replaceChildren(...together(all).map((which) => label(which, all)));
  }

  #make(count) {
    this.arrows = Array.from({length: count}, (_, i) => this.#arrow(i));
    this.layer.replaceChildren(...this.arrows.map(({whole}) => whole));
  }

  #arrow(i) {
    const [line, tip, hand] = [svg("line"), svg("circle", {r: 0.045}), svg("circle", {r: 0.15, class: "hand"})];
    const whole = svg("g", {tabindex: 0, role: "button", "aria-roledescription": "arrow"}, line, tip, hand);
    hand.addEventListener("touchstart", (event) => event.preventDefault(), {passive: false});
    hand.addEventListener("pointerdown", (event) => this.#grab(i, hand, event));
    whole.addEventListener("keydown", (event) => this.#key(i, event));
    return {whole, line, tip, hand, at: [0, 0]};
  }

  #place(i, [x, y], name, group, share) {
    const {whole, line, tip, hand} = this.arrows[i];
    this.arrows[i].at = [x, y];
    set(line, {x2: x, y2: -y, "stroke-width": 0.02 + 0.025 * share});
    for (const circle of [tip, hand]) set(circle, {cx: x, cy: -y});
    set(whole, {class: `arrow color${group % 6}`, opacity: 0.45 + 0.55 * share,
      "aria-label": `feature ${i + 1}, ${name}, at ${places(x, 2)}, ${places(y, 2)}; arrow keys move it, Enter lets it go`});
  }

  #grab(i, hand, event) {
    event.preventDefault();
    this.arrows[i].whole.focus({preventScroll: true});
    hand.setPointerCapture(event.pointerId);
    const follow = (move) => this.moved(i, this.#placeOf(move));
    const done = new AbortController();
    const end = () => {
      done.abort();
      this.released();
    };
    hand.addEventListener("pointermove", follow, done);
    for (const kind of ["pointerup", "pointercancel"]) hand.addEventListener(kind, end, done);
  }

  #placeOf({clientX, clientY}) {
    const {a, d, e, f} = this.element.getScreenCTM();
    return [within((clientX - e) / a), within((f - clientY) / d)];
  }

  #key(i, event) {
    const by = KEYS[event.key];
    if (event.key === "Enter") this.released();
    else if (by) {
      const step = event.shiftKey ? FAR : NUDGE;
      this.moved(i, this.arrows[i].at.map((value, k) => within(value + step * by[k])));
    } else return;
    event.preventDefault();
  }
}

function within(value) {
  return Math.max(-FARTHEST, Math.min(FARTHEST, value));
}

/** Features by where their tips are: those that are close to the first of a part are in it. */
function together(all) {
  const parts = [];
  all.forEach(([x, y], i) => {
    const part = parts.find(([first]) => Math.hypot(x - all[first][0], y - all[first][1]) < CLOSE);
    if (part) part.push(i);
    else parts.push([i]);
  });
  return parts;
}

/** The numbers of features whose tips are together, beyond the tip; of short arrows, in the widest gap of the others. */
function label(which, all) {
  const [x, y] = all[which[0]];
  const long = Math.hypot(x, y);
  const [angle, radius] = long > SHORT ? [Math.atan2(y, x), long + BESIDE] : [widest(all), BESIDE];
  const element = svg("text", {x: radius * Math.cos(angle), y: -radius * Math.sin(angle)});
  element.textContent = which.map((i) => i + 1).join(", ");
  return element;
}

/** The middle of the widest angle between arrows that are not short. */
function widest(all) {
  const angles = all.filter(([x, y]) => Math.hypot(x, y) > SHORT).map(([x, y]) => Math.atan2(y, x)).sort((a, b) => a - b);
  const gaps = angles.map((angle, k) => [(angles[k + 1] ?? angles[0] + 2 * Math.PI) - angle, angle]);
  const [gap, from] = gaps.reduce((most, each) => (each[0] > most[0] + 1e-9 ? each : most), [0, 0]);
  return from + gap / 2;
}

function background() {
  const circle = (r) => svg("circle", {r, class: "ring"});
  const axis = (attributes) => svg("line", {class: "axis", ...attributes});
  const unit = svg("text", {class: "unit", x: 0.74, y: 0.83, "aria-hidden": "true"});
  unit.textContent = "length 1";
  return [circle(0.5), circle(1), axis({x1: -EXTENT, x2: EXTENT}), axis({y1: -EXTENT, y2: EXTENT}), unit];
}

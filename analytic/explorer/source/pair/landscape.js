/*
Every stationary point of one model: those on the axes in closed form, the others by Newton's method from the points
that Python has stored for the models around it (explorer/pair.py).

Over both copies of all points the indices of the gradient have to sum to one. Where they do not, a point is missing,
and `refined` looks for it from many starts.
*/
import {antipodal_line, confused_line, shared_dedicated, shared_line, unbiased_line} from "../generated/pair.js";
import {eigenvalues, norm, solved} from "./algebra.js";
import {randomly} from "../common/random.js";

/** A step is cut to this length; a start that has not come to rest after so many steps is given up. */
const LONGEST = 0.3;
const STEPS = 40;
/** At rest: the last step, and the gradient in units of max I_i p_i. */
const STILL = 1e-11;
const LEVEL = 1e-12;
/** Weights below this belong to a point on an axis; points closer than this are one. */
const ON_AXIS = 1e-7;
const SAME = 1e-6;
/** An eigenvalue below this share of the largest has no sign. */
const NO_SIGN = 1e-9;
/** How far the pieces of the loss are looked at beside a kink. */
const BESIDE = 1e-9;
const STARTS = 400;
/** Directions and radius of the sphere on which a kink is looked at, and the rounding of the loss there. */
const DIRECTIONS = 1000;
const SPHERE = 1e-3;
const ROUNDING = 1e-15;

/** The zero of the gradient that Newton's method reaches from `start`, or null. */
export function newton(model, start) {
  const theta = Array.from(start);
  const g = new Array(theta.length);
  for (let count = 0; count < STEPS; count++) {
    model.slope(theta, g);
    const step = solved(model.curvature(theta), g);
    if (!step) return null;
    const length = norm(step);
    const scale = length > LONGEST ? LONGEST / length : 1;
    for (let i = 0; i < theta.length; i++) theta[i] -= scale * step[i];
    if (length < STILL) {
      model.slope(theta, g);
      return norm(g) < LEVEL * model.unit ? canonical(theta) : null;
    }
  }
  return null;
}

/** The copy of a point under W -> -W with W1 > 0. */
function canonical(theta) {
  return theta[0] < 0 ? [-theta[0], -theta[1], ...theta.slice(2)] : theta;
}

/** The phase that the signs of the weights name. */
export function phaseOf([W1, W2]) {
  if (W1 === 0 && W2 === 0) return "silent";
  if (W2 === 0) return "dedicated-1";
  if (W1 === 0) return "dedicated-2";
  return W1 > 0 === W2 > 0 ? "confused" : "antipodal";
}

function point(model, theta, kind, index) {
  const z = model.full(theta);
  return {theta, W: z.slice(0, 2), b: z.slice(2), loss: model.loss(theta), kind, index, phase: phaseOf(theta)};
}

/** Kind and index from the second derivatives; on a kink, from those of all pieces that meet there. */
function judged(model, theta) {
  const pieces = beside(model, theta).map((near) => verdict(eigenvalues(model.curvature(near))));
  const agree = pieces.every(({kind, index}) => kind === pieces[0].kind && index === pieces[0].index);
  if (agree) return pieces[0];
  return {kind: pieces.length > 1 && fallsNearby(model, theta) ? "saddle" : "undecided", index: null};
}

/** Whether the loss is lower somewhere on a small sphere: for points where second derivatives do not say it. */
function fallsNearby(model, theta) {
  const random = randomly(1);
  const here = model.loss(theta);
  for (let count = 0; count < DIRECTIONS; count++) {
    const direction = theta.map(() => random.normal());
    const scale = SPHERE / norm(direction);
    if (model.loss(theta.map((value, i) => value + scale * direction[i])) < here - ROUNDING * model.unit) return true;
  }
  return false;
}

/** The point, or a point on each side of the kinks that it lies on. */
function beside(model, theta) {
  let all = [theta];
  if (model.density === 1) return all;
  for (let i = 2; i < theta.length; i++) {
    if (Math.abs(theta[i]) < STILL) {
      all = all.flatMap((at) => [-BESIDE, BESIDE].map((b) => at.map((value, k) => (k === i ? b : value))));
    }
  }
  return all;
}

function verdict(values) {
  const least = NO_SIGN * Math.max(...values.map(Math.abs));
  if (values.some((value) => Math.abs(value) < least)) return {kind: "undecided", index: null};
  const falling = values.filter((value) => value < 0).length;
  return {kind: falling ? "saddle" : "minimum", index: falling % 2 ? -1 : 1};
}

/** W = 0, with biases at the mean of the features. */
function silent(model) {
  const b = model.density / 2;
  const theta = [0, 0, b, b].slice(0, model.size);
  return point(model, theta, model.bias === "none" ? "maximum" : "saddle", 1);
}

/** Kind and index of a dedicated point whose other feature is `times` as important, from the sides that fall. */
function dedicatedVerdict(bias, p, times) {
  const lines = {
    none: [0, unbiased_line(p)],
    shared: [shared_line(p), shared_line(p)],
    "per-feature": [confused_line(p), antipodal_line(p)],
  }[bias];
  if (lines.includes(times)) return {kind: "undecided", index: null};
  const falling = lines.filter((line) => times > line).length;
  return {kind: falling ? "saddle" : "minimum", index: 1 - falling};
}

/** The two points on the axes. */
function dedicated(model) {
  const {bias, density: p, importance: r} = model;
  return [r, 1 / r].map((times, k) => {
    let [weight, own, other] = [1, 0, p / 2];
    if (bias === "shared") {
      const [square, b] = shared_dedicated(p, times);
      [weight, own, other] = [Math.sqrt(square), b, b];
    }
    const z = k === 0 ? [weight, 0, own, other] : [0, weight, other, own];
    const {kind, index} = dedicatedVerdict(bias, p, times);
    return point(model, model.own(z), kind, index);
  });
}

/** Adds the points off the axes that Newton's method reaches from the starts. */
function added(model, found, starts) {
  for (const start of starts) {
    const theta = newton(model, start);
    if (!theta || Math.abs(theta[0]) < ON_AXIS || Math.abs(theta[1]) < ON_AXIS) continue;
    if (found.some((other) => distance(other.theta, theta) < SAME * norm(theta))) continue;
    const {kind, index} = judged(model, theta);
    found.push(point(model, theta, kind, index));
  }
}

/** Distance of two points, modulo W -> -W. */
export function distance(a, b) {
  let [plus, minus] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    plus += (a[i] - b[i]) ** 2;
    minus += (i < 2 ? a[i] + b[i] : a[i] - b[i]) ** 2;
  }
  return Math.sqrt(Math.min(plus, minus));
}

/** Whether the indices sum to one over both copies of all points; true if some are unknown. */
export function addsUp(points) {
  let sum = 0;
  for (const {index, phase} of points) {
    if (index === null) return true;
    sum += (phase === "silent" ? 1 : 2) * index;
  }
  return sum === 1;
}

const ORDER = {minimum: 0, saddle: 1, maximum: 2, undecided: 3};

function listed(points) {
  points.sort((a, b) => ORDER[a.kind] - ORDER[b.kind] || a.loss - b.loss);
  return {points, complete: addsUp(points)};
}

/** The stationary points of a model from `starts` in (W1, W2, b1, b2): {points, complete}. */
export function landscape(model, starts) {
  const found = [silent(model), ...dedicated(model)];
  const own = starts.map((start) => model.own(start));
  if (model.importance === 1 && model.bias !== "none") own.unshift(model.own([Math.SQRT1_2, Math.SQRT1_2, 0, 0]));
  added(model, found, own);
  return listed(found);
}

/** The same with many random starts in addition, for models where a point is missing. */
export function refined(model, starts) {
  const {points, complete} = landscape(model, starts);
  const random = randomly(1);
  for (let count = 0; count < STARTS && !addsUp(points); count++) {
    const z = Array.from({length: 4}, (_, i) => (i < 2 ? 1.2 : 0.4) * random.normal());
    added(model, points, [model.own(z)]);
  }
  return complete ? {points, complete} : listed(points);
}

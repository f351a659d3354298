/* A ReLU output model with independent features, and its exact expected loss as a function of one parameter vector. */
import {expected} from "../generated/recurrence.js";

const NO_PATTERNS = [];
const tables = new Map();

/** For n features: what is free in every state, and the state of every on/off pattern (see loss/recurrence.py). */
function tablesFor(features) {
  if (!tables.has(features)) {
    const digit = (state, j) => Math.floor(state / 3 ** j) % 3;
    const all = [...Array(features).keys()];
    const free = Array.from({length: 3 ** features}, (_, state) => {
      const which = all.filter((j) => digit(state, j) === 2);
      return Int32Array.of(which.length, ...which, ...Array(features - which.length).fill(0));
    });
    const states = Int32Array.from({length: 2 ** features}, (_, bits) =>
      all.reduce((state, j) => state + ((bits >> j) & 1) * 2 * 3 ** j, 0));
    tables.set(features, {free, states});
  }
  return tables.get(features);
}

/**
 * The model with n features of one density in m hidden units.
 *
 * importance: one number per feature; bias: "none", "shared" or "per-feature". Parameters are W row by row, then the
 * bias by its convention, in one Float64Array.
 */
export class Model {
  constructor({features, hidden = 2, density, importance, bias}) {
    Object.assign(this, {features, hidden, density, bias, importance: Float64Array.from(importance)});
    this.biases = {none: 0, shared: 1, "per-feature": features}[bias];
    this.size = hidden * features + this.biases;
    this.on = new Float64Array(features).fill(density);
    this.off = new Float64Array(features).fill(1 - density);
    this.third = new Float64Array(features).fill(density / 3);
  }

  /** sum_i I_i E[x_i^2], the loss of a silent network: what losses and gradients are measured by. */
  get silent() {
    return this.importance.reduce((sum, each) => sum + each, 0) * this.density / 3;
  }

  /** W as rows, and b with one number per feature. */
  split(theta) {
    const {features, hidden, biases} = this;
    const W = Array.from({length: hidden}, (_, a) => theta.slice(a * features, (a + 1) * features));
    const b = new Float64Array(features);
    if (biases) b.forEach((_, i) => { b[i] = theta[hidden * features + (biases === 1 ? 0 : i)]; });
    return {W, b};
  }

  /** The inverse of `split`; a shared bias is the first of b. */
  join(W, b) {
    const theta = new Float64Array(this.size);
    W.forEach((row, a) => theta.set(row, a * this.features));
    theta.set(Array.from(b).slice(0, this.biases), this.hidden * this.features);
    return theta;
  }

  loss(theta) {
    return this.#expected(theta, false)[0][0];
  }

  /** Loss, and its derivatives by the parameters. */
  lossAndGradient(theta) {
    const [[loss], [byW], [byB]] = this.#expected(theta, true);
    const ofBias = this.biases === 1 ? [byB.reduce((sum, each) => sum + each, 0)] : byB;
    return {loss, gradient: this.join(byW, ofBias)};
  }

  #expected(theta, gradient) {
    const {W, b} = this.split(theta);
    const {free, states} = tablesFor(this.features);
    return expected([W], [b], this.importance, this.third, this.on, this.off, NO_PATTERNS, free, states, gradient);
  }
}

/** Importances decay^0, decay^1, ...: equal at decay 1. */
export function decaying(features, decay) {
  return Array.from({length: features}, (_, i) => decay ** i);
}

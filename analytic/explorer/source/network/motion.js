/* Ways down the exact loss, one step at a time. */
import {length} from "./minimise.js";

export const DYNAMICS = {gd: "gradient descent", adam: "Adam"};
/** Lengths of the steps: of Adam, and of gradient descent in units of 1 / `steepness`. */
const RATES = {gd: 0.4, adam: 0.02};
const [KEEP, KEEP_SQUARE, TINY] = [0.9, 0.999, 1e-12];
/** It is still where |gradient| is below this share of the silent loss, and rests there or after so many steps. */
const REST = 1e-6;
const LIMIT = 100_000;
/** Steps per frame grow by this factor: long plateaus would take minutes. */
const FASTER = 1.02;
/** Milliseconds that the steps of a frame may take. */
const BUDGET = 10;

/** The step length of gradient descent on a model, as `descend` takes it. */
export function rateOf(model, dynamics) {
  return dynamics === "adam" ? RATES.adam : RATES.gd / steepness(model);
}

/**
 * About the largest curvature of the loss: 8 p / 3 along a weight, where a feature has found its place, and 2 along the
 * bias of an output that is on for every input, for each output that has it.
 */
function steepness({density, importance, biases}) {
  const alongBias = {0: 0, 1: 2 * importance.length}[biases] ?? 2;
  return Math.max(...importance) * Math.max((8 * density) / 3, alongBias);
}

/** A descent from theta: `frame()` takes some steps; `steps`, `loss` and `theta` are where it is, `still` says that it is stationary there. */
export class Motion {
  constructor(model, theta, dynamics) {
    Object.assign(this, {model, dynamics, theta, steps: 0, pace: 1, rests: false});
    this.rate = rateOf(model, dynamics);
    this.mean = new Float64Array(theta.length);
    this.square = new Float64Array(theta.length);
    this.#look();
  }

  /** Takes the steps of one frame, as many as there is time for; all that there is time for, if `hurry`. */
  frame(hurry = false) {
    const [steps, end] = [hurry ? LIMIT : Math.floor(this.pace), performance.now() + BUDGET];
    for (let k = 0; k < steps && !this.rests && performance.now() < end; k++) this.#step();
    this.pace *= FASTER;
  }

  #step() {
    this.steps++;
    const by = this.dynamics === "adam" ? this.#adam() : this.gradient;
    this.theta = this.theta.map((value, k) => value - this.rate * by[k]);
    this.#look();
  }

  #adam() {
    return this.gradient.map((slope, k) => {
      this.mean[k] = KEEP * this.mean[k] + (1 - KEEP) * slope;
      this.square[k] = KEEP_SQUARE * this.square[k] + (1 - KEEP_SQUARE) * slope * slope;
      const mean = this.mean[k] / (1 - KEEP ** this.steps);
      return mean / (Math.sqrt(this.square[k] / (1 - KEEP_SQUARE ** this.steps)) + TINY);
    });
  }

  #look() {
    Object.assign(this, this.model.lossAndGradient(this.theta));
    this.still = length(this.gradient) < REST * this.model.silent;
    this.rests = this.still || this.steps >= LIMIT;
  }
}

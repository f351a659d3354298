/*
Ways down from a start: the flow, gradient descent and Adam on the exact loss, and the last two on samples, as in
training. Each is a generator of states {time, theta}; the loss of a state is always the exact one.
*/
import {randomly} from "../common/random.js";
import {flow} from "./flow.js";

const BETAS = [0.9, 0.999];
const EPSILON = 1e-8;
/** What gets this far does not come back. */
const FAR = 1e3;

/** Name -> how it is called, and whether it has a rate and samples. */
export const MOTIONS = {
  flow: {label: "gradient flow", rate: false, sampled: false},
  gd: {label: "gradient descent", rate: true, sampled: false},
  adam: {label: "Adam", rate: true, sampled: false},
  sgd: {label: "SGD on samples", rate: true, sampled: true},
  "adam-sampled": {label: "Adam on samples", rate: true, sampled: true},
};

/** The states of a motion by its name. */
export function motion(name, model, start, {rate, batch, seed}) {
  if (name === "flow") return flow(model, start);
  const {sampled} = MOTIONS[name];
  const slope = sampled ? sampledSlope(model, batch, randomly(seed)) : (theta, g) => model.slope(theta, g);
  const rule = name.startsWith("adam") ? adam(start.length, rate) : (g) => g.map((value) => rate * value);
  return steps(start, slope, rule);
}

function* steps(start, slope, rule) {
  let theta = Array.from(start);
  const g = new Array(theta.length);
  for (let time = 0; ; time++) {
    yield {time, theta};
    slope(theta, g);
    const change = rule(g);
    theta = theta.map((value, i) => value - change[i]);
    if (!(Math.hypot(...theta) < FAR)) return;
  }
}

/** The steps of Adam, with the usual betas. */
function adam(size, rate) {
  const [m, v] = [new Array(size).fill(0), new Array(size).fill(0)];
  const powers = [1, 1];
  return (g) => {
    BETAS.forEach((beta, k) => (powers[k] *= beta));
    return g.map((value, i) => {
      m[i] += (1 - BETAS[0]) * (value - m[i]);
      v[i] += (1 - BETAS[1]) * (value * value - v[i]);
      return (rate * m[i]) / (1 - powers[0]) / (Math.sqrt(v[i] / (1 - powers[1])) + EPSILON);
    });
  };
}

/** The gradient of the mean loss of `batch` fresh samples, by back-propagation. */
function sampledSlope(model, batch, random) {
  const {density, importance, size} = model;
  const draw = () => (random.uniform() < density ? random.uniform() : 0);
  return (theta, g) => {
    const [W1, W2, b1, b2] = model.full(theta);
    const sums = [0, 0, 0, 0];
    for (let k = 0; k < batch; k++) {
      const [x1, x2] = [draw(), draw()];
      const h = W1 * x1 + W2 * x2;
      const [z1, z2] = [W1 * h + b1, W2 * h + b2];
      const d1 = z1 > 0 ? 2 * (z1 - x1) : 0;
      const d2 = z2 > 0 ? 2 * importance * (z2 - x2) : 0;
      const back = d1 * W1 + d2 * W2;
      sums[0] += d1 * h + back * x1;
      sums[1] += d2 * h + back * x2;
      sums[2] += d1;
      sums[3] += d2;
    }
    for (let i = 0; i < size; i++) g[i] = sums[i] / batch;
    if (size === 3) g[2] += sums[3] / batch;
  };
}

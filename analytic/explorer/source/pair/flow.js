/*
The gradient flow with the pair of Shampine and Reichelt (SIAM J. Sci. Comput. 18, 1997; orders 2 and 3, L-stable) and
the exact Hessian: the steps grow as the motion fades. Its matrix 1 + h d H has to be positive definite and the loss
must not rise, else the step is cut. The error of a step stays below the tolerance, and below a share of it as the
gradient fades, as in attraction/flow.py.
*/
import {backSolve, norm, shiftedFactor} from "./algebra.js";

const D = 1 / (2 + Math.SQRT2);
const E32 = 6 + Math.SQRT2;
/** At rest: the gradient in units of max I_i p_i. */
const REST = 1e-8;
const ROUNDING = 1e-13;
const LIMIT = 2000;

/** One step from theta with gradient g: {ahead, gradient, loss, error}, or null if it is too long. */
function stepped(model, theta, g, step) {
  const lower = shiftedFactor(model.curvature(theta), step * D);
  if (!lower) return null;
  const n = theta.length;
  const indices = [...Array(n).keys()];
  const middle = new Array(n);
  const gradient = new Array(n);
  const first = indices.map((i) => -g[i]);
  backSolve(lower, first);
  model.slope(
    indices.map((i) => theta[i] + (step / 2) * first[i]),
    middle,
  );
  const second = indices.map((i) => -middle[i] - first[i]);
  backSolve(lower, second);
  for (const i of indices) second[i] += first[i];
  const ahead = indices.map((i) => theta[i] + step * second[i]);
  const loss = model.slope(ahead, gradient);
  const third = indices.map((i) => -gradient[i] - E32 * (second[i] + middle[i]) - 2 * (first[i] + g[i]));
  backSolve(lower, third);
  const error = Math.max(...indices.map((i) => Math.abs((step / 6) * (first[i] - 2 * second[i] + third[i]))));
  return {ahead, gradient, loss, error};
}

/** The states of the flow from a start, {time, theta, loss}, until it is at rest or below `floor`. */
export function* flow(model, start, {tolerance = 1e-4, floor = -Infinity} = {}) {
  let theta = Array.from(start);
  let g = new Array(theta.length);
  let loss = model.slope(theta, g);
  let time = 0;
  let step = 0.1 / (1e-300 + norm(g));
  yield {time, theta, loss};
  for (let count = 0; count < LIMIT && norm(g) > REST * model.unit && loss >= floor; count++) {
    const next = stepped(model, theta, g, step);
    const rises = !next || !(next.loss <= loss + ROUNDING * model.unit);
    const error = rises ? Infinity : next.error / (tolerance * Math.min(1, (10 * norm(g)) / model.unit));
    if (error <= 1) {
      time += step;
      ({ahead: theta, gradient: g, loss} = next);
      yield {time, theta, loss};
    }
    step *= Math.min(5, Math.max(0.2, 0.9 * (error + 1e-12) ** (-1 / 3)));
  }
}

/** The last state of a flow. */
export function settled(model, start, options) {
  let last;
  for (const state of flow(model, start, options)) last = state;
  return last;
}

/*
BFGS on the exact loss, as search/minimiser.py does it: steps shorter than LONGEST, so that a start goes to a minimum
near it, and backtracking by halves. It needs no second derivatives, which jump on kinks. Where it ends with a lower
point beside it, it was at a saddle and goes on from there.
*/
const LONGEST = 0.3;
const [ARMIJO, HALVINGS] = [1e-4, 25];
const STEPS = 1000;
const ESCAPES = 5;
const NEIGHBOURS = 24;
const RADII = [0.05, 0.01];

/** A point is converged where |gradient| or the loss is below this or its square, in units of the silent loss. */
export const CONVERGED = 1e-8;

export function dot(u, v) {
  let sum = 0;
  for (let k = 0; k < u.length; k++) sum += u[k] * v[k];
  return sum;
}

export function length(u) {
  return Math.sqrt(dot(u, u));
}

function moved(theta, step, size) {
  return theta.map((value, k) => value + size * step[k]);
}

/** The point where a descent from theta ends: {theta, loss, gradient, converged}. */
export function descended(model, theta) {
  let point = {theta, ...model.lossAndGradient(theta)};
  let inverse = null;
  for (let k = 0; k < STEPS && !converged(model, point); k++) {
    const next = searched(model, point, direction(model, inverse, point.gradient));
    if (!next) {
      if (!inverse) break;
      inverse = null;
      continue;
    }
    inverse = updated(inverse, next.theta.map((value, i) => value - point.theta[i]),
      next.gradient.map((value, i) => value - point.gradient[i]));
    point = next;
  }
  return {...point, converged: converged(model, point)};
}

function converged(model, {loss, gradient}) {
  return length(gradient) <= CONVERGED * model.silent || loss <= CONVERGED ** 2 * model.silent;
}

/** The minimum below theta: descents with escapes from saddles. */
export function minimum(model, theta, random) {
  let end = descended(model, theta);
  for (let k = 0; k < ESCAPES && end.converged; k++) {
    const lower = lowerNeighbour(model, end, random);
    if (!lower) return end;
    end = descended(model, lower);
  }
  return end;
}

function lowerNeighbour(model, {theta, loss}, random) {
  for (const radius of RADII) {
    for (let k = 0; k < NEIGHBOURS; k++) {
      const step = Float64Array.from(theta, () => random.normal());
      const beside = moved(theta, step, radius / length(step));
      if (model.loss(beside) < loss - 1e-10 * model.silent) return beside;
    }
  }
  return null;
}

/** Downhill, and no longer than the longest step. */
function direction(model, inverse, gradient) {
  let step = gradient.map((value, i) => -(inverse ? dot(inverse[i], gradient) : value / model.silent));
  if (dot(step, gradient) >= 0) step = gradient.map((value) => -value);
  const scale = Math.min(1, LONGEST / length(step));
  return step.map((value) => scale * value);
}

/** The first point along the step, halved as often as needed, that is low enough; null if none is. */
function searched(model, {theta, loss, gradient}, step) {
  const slope = dot(step, gradient);
  for (let k = 0, size = 1; k < HALVINGS; k++, size /= 2) {
    const trial = moved(theta, step, size);
    const at = model.lossAndGradient(trial);
    if (at.loss <= loss + ARMIJO * size * slope) return {theta: trial, ...at};
  }
  return null;
}

/** The inverse Hessian after a step s that changed the gradient by y; the first one only sets the scale. */
function updated(inverse, s, y) {
  const sy = dot(s, y);
  if (sy <= 1e-10 * length(s) * length(y)) return inverse;
  const rows = inverse ?? Array.from(s, (_, i) => s.map((_, j) => (i === j ? sy / dot(y, y) : 0)));
  const Hy = rows.map((row) => dot(row, y));
  const factor = (1 + dot(y, Hy) / sy) / sy;
  return rows.map((row, i) => row.map((value, j) => value + factor * s[i] * s[j] - (s[i] * Hy[j] + Hy[i] * s[j]) / sy));
}

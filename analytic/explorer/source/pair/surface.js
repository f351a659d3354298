/*
The loss over the plane of weights, at given biases or at the best ones for each W.

A surface is n x n values, rows from W2 = extent down to -extent, columns from W1 = -extent to extent, at the centres of
pixels. (-W, b) has the loss of (W, b), so only half of it is computed.
*/
import {loss} from "../generated/pair.js";

/** The coordinate of a pixel. */
export function coordinate(k, n, extent) {
  return extent * ((2 * k + 1) / n - 1);
}

/** Fills `values` (n x n, Float64Array) with what `at(W1, W2)` gives on one half and its copy on the other. */
function filled(values, n, extent, at) {
  const last = n * n - 1;
  for (let row = 0, k = 0; k <= last / 2; row++) {
    const W2 = -coordinate(row, n, extent);
    for (let column = 0; column < n && k <= last / 2; column++, k++) {
      values[k] = values[last - k] = at(coordinate(column, n, extent), W2);
    }
  }
  return values;
}

/** At biases b = [b1, b2]. */
export function atBiases(model, b, n, extent, values) {
  const [I1, I2, p00, p10, p01, p11] = model.numbers;
  const [b1, b2] = b;
  return filled(values, n, extent, (W1, W2) => loss(W1, W2, b1, b2, I1, I2, p00, p10, p01, p11));
}

/** At the biases that are best for each W. */
export function atBestBiases(model, n, extent) {
  const values = new Float64Array(n * n);
  if (model.bias === "none") return atBiases(model, [0, 0], n, extent, values);
  const [I1, I2, p00, p10, p01, p11] = model.numbers;
  const part = (W1, W2, J1, J2) => (b) => loss(W1, W2, b, b, J1, J2, p00, p10, p01, p11);
  const together = (W1, W2) => least(part(W1, W2, I1, I2), [...corners(W1, W2), ...corners(W2, W1)]);
  const apart = (W1, W2) => least(part(W1, W2, I1, 0), corners(W1, W2)) + least(part(W1, W2, 0, I2), corners(W2, W1));
  return filled(values, n, extent, model.bias === "shared" ? together : apart);
}

/** The biases at which a corner of an output's inputs turns on: between them the loss is smooth. */
function corners(own, other) {
  return [0, -own * own, -own * other, -own * own - own * other];
}

/** A bias above which every loss rises, pieces between two corners, and golden sections around each low one. */
const HIGHEST = 1;
const PIECES = 8;
const NARROWED = 16;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** The least value of f over one bias: wherever a node is lower than its neighbours, the least between these. */
function least(f, turns) {
  const edges = [...turns.filter((b) => b < HIGHEST), HIGHEST].sort((a, b) => a - b);
  const nodes = [edges[0]];
  for (let k = 1; k < edges.length; k++) {
    const width = (edges[k] - edges[k - 1]) / PIECES;
    if (width > 1e-6) for (let piece = 1; piece <= PIECES; piece++) nodes.push(edges[k - 1] + piece * width);
  }
  const values = nodes.map(f);
  let best = Math.min(values[0], values.at(-1));
  for (let k = 1; k + 1 < nodes.length; k++) {
    if (values[k] <= values[k - 1] && values[k] <= values[k + 1])
      best = Math.min(best, narrowed(f, nodes[k - 1], nodes[k + 1]));
  }
  return best;
}

function narrowed(f, low, high) {
  let [a, b] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
  let [fa, fb] = [f(a), f(b)];
  for (let count = 0; count < NARROWED; count++) {
    if (fa < fb) {
      [high, b, fb] = [b, a, fa];
      a = high - GOLDEN * (high - low);
      fa = f(a);
    } else {
      [low, a, fa] = [a, b, fb];
      b = low + GOLDEN * (high - low);
      fb = f(b);
    }
  }
  return Math.min(fa, fb);
}

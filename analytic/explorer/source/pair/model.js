/*
Two independent features of density p with importances (1, r), one hidden unit, and a convention for the bias.

The parameters of a convention are W1, W2 and none, one or two biases; `theta` is an array of these. The functions of
the loss take (W1, W2, b1, b2): `full` gives them.
*/
import {gradient, hessian, loss} from "../generated/pair.js";

/** How many biases a convention has. */
export const BIASES = {none: 0, shared: 1, "per-feature": 2};

export class Model {
  constructor({density, importance, bias}) {
    this.density = density;
    this.importance = importance;
    this.bias = bias;
    this.size = 2 + BIASES[bias];
    const p = density;
    /** I1, I2 and the probabilities of both off, only 1 on, only 2 on, both on. */
    this.numbers = [1, importance, (1 - p) * (1 - p), p * (1 - p), p * (1 - p), p * p];
    /** The scale of the gradient, max I_i p_i. */
    this.unit = p * Math.max(1, importance);
  }

  /** (W1, W2, b1, b2) of the convention's own parameters. */
  full(theta) {
    if (this.size === 4) return theta;
    const b = this.size === 3 ? theta[2] : 0;
    return [theta[0], theta[1], b, b];
  }

  /** The convention's own parameters of (W1, W2, b1, b2). */
  own(z) {
    return Array.from(z).slice(0, this.size);
  }

  loss(theta) {
    const [W1, W2, b1, b2] = this.full(theta);
    return loss(W1, W2, b1, b2, ...this.numbers);
  }

  /** Writes the gradient into g; returns the loss. */
  slope(theta, g) {
    const [W1, W2, b1, b2] = this.full(theta);
    const all = gradient(W1, W2, b1, b2, ...this.numbers);
    g[0] = all[1];
    g[1] = all[2];
    if (this.size === 3) g[2] = all[3] + all[4];
    if (this.size === 4) {
      g[2] = all[3];
      g[3] = all[4];
    }
    return all[0];
  }

  /** The Hessian, as rows. */
  curvature(theta) {
    const [W1, W2, b1, b2] = this.full(theta);
    const [h11, h12, h1a, h1b, h22, h2a, h2b, haa, hbb] = hessian(W1, W2, b1, b2, ...this.numbers);
    if (this.size === 2)
      return [
        [h11, h12],
        [h12, h22],
      ];
    if (this.size === 3) {
      return [
        [h11, h12, h1a + h1b],
        [h12, h22, h2a + h2b],
        [h1a + h1b, h2a + h2b, haa + hbb],
      ];
    }
    return [
      [h11, h12, h1a, h1b],
      [h12, h22, h2a, h2b],
      [h1a, h2a, haa, 0],
      [h1b, h2b, 0, hbb],
    ];
  }

  /** The greatest value of each output over all inputs, before the ReLU. */
  tops(theta) {
    const [W1, W2, b1, b2] = this.full(theta);
    return [
      [W1, W2, b1],
      [W2, W1, b2],
    ].map(([own, other, b]) => b + own * own + Math.max(0, own * other));
  }

  /** Whether each output is zero on every input, and stays so nearby: at the edge the loss falls as b grows. */
  dead(theta) {
    return this.tops(theta).map((top) => top < 0);
  }
}

/* The losses of all minima that descents from random starts have found: the levels of the ladder. */
import {randomly} from "../common/random.js";
import {geometry, inWords} from "./geometry.js";
import {minimum} from "./minimise.js";

/** Losses that differ by less, in units of the silent loss, are one level. */
const SAME = 1e-7;

/** The weights that a start draws, and no bias: Xavier's normal distribution, times `scale`. */
export function start(model, seed, scale = 1) {
  const random = randomly(seed);
  const spread = scale * Math.sqrt(2 / (model.hidden + model.features));
  const weights = model.hidden * model.features;
  return Float64Array.from({length: model.size}, (_, k) => (k < weights ? spread * random.normal() : 0));
}

/** Where the starts `first`, `first` + 1, ... end: [{theta, loss}], and null where one did not converge. */
export function ends(model, first, count) {
  return Array.from({length: count}, (_, k) => {
    const {theta, loss, converged} = minimum(model, start(model, first + k), randomly(-1 - first - k));
    return converged ? {theta, loss} : null;
  });
}

/** Levels by loss: {loss, theta, name, hits}, from `starts` starts. */
export class Levels {
  constructor(model) {
    this.model = model;
    this.all = [];
    this.starts = 0;
  }

  /** Takes where some starts ended. */
  add(found) {
    this.starts += found.length;
    for (const end of found) if (end) this.#place(end);
    this.all.sort((one, other) => one.loss - other.loss);
  }

  /** How many starts did not converge. */
  get lost() {
    return this.starts - this.all.reduce((sum, {hits}) => sum + hits, 0);
  }

  /** The level of a loss, within `tolerance` of the silent loss. */
  at(loss, tolerance = SAME) {
    const near = (level) => Math.abs(level.loss - loss);
    const best = this.all.reduce((found, level) => (!found || near(level) < near(found) ? level : found), null);
    return best && near(best) <= tolerance * this.model.silent ? best : null;
  }

  #place({theta, loss}) {
    const name = inWords(geometry(this.model.split(theta).W));
    const level = this.all.find((each) => Math.abs(each.loss - loss) <= SAME * this.model.silent && each.name === name);
    if (!level) this.all.push({theta, loss, name, hits: 1});
    else {
      level.hits++;
      if (loss < level.loss) Object.assign(level, {theta, loss});
    }
  }
}

/* One way down, some steps per frame, until it rests. */
import {norm} from "./algebra.js";
import {MOTIONS, motion} from "./motions.js";

/** Steps per frame grow by this factor, so that slow ends do not take minutes. */
const FASTER = 1.03;
const LIMIT = 20000;
const REST = 1e-6;
/** Points of the trail lie so far apart; of more than so many, later ones are left out. */
const APART = 0.004;
const KEPT = 3000;

export class Descent {
  constructor(model, start, {motion: name, rate, batch}, seed) {
    this.model = model;
    this.name = name;
    this.states = motion(name, model, start, {rate, batch, seed});
    this.theta = start;
    this.trail = [];
    this.pace = 1;
    this.count = 0;
    this.time = 0;
    this.done = false;
    this.diverged = false;
  }

  /** Takes the steps of one frame. */
  advance() {
    const once = this.name === "flow" ? 1 : Math.round(this.pace);
    for (let k = 0; k < once && !this.done; k++) this.#step();
    this.pace *= FASTER;
    if (this.trail.length > KEPT) this.trail = this.trail.filter((_, k) => k < KEPT / 2 || k % 2);
  }

  #step() {
    const {value, done} = this.states.next();
    if (done) {
      this.done = true;
      this.diverged = this.name !== "flow";
      return;
    }
    this.theta = value.theta;
    this.time = value.time;
    const last = this.trail.at(-1);
    if (!last || Math.hypot(last[0] - value.theta[0], last[1] - value.theta[1]) > APART)
      this.trail.push(value.theta.slice(0, 2));
    this.count++;
    this.done = this.name !== "flow" && (this.count >= LIMIT || (!MOTIONS[this.name].sampled && this.#rests()));
  }

  #rests() {
    const g = new Array(this.theta.length);
    this.model.slope(this.theta, g);
    return norm(g) < REST * this.model.unit;
  }
}

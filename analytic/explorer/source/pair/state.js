/* The state of this view: its values at first, and what an address may say. */
import {BIASES} from "./model.js";
import {MOTIONS} from "./motions.js";
import {EXTENT} from "./plane.js";

export const DEFAULTS = {
  density: 0.3,
  importance: 0.7,
  bias: "per-feature",
  surface: "selected",
  point: "best",
  basins: false,
  motion: "flow",
  rate: 0.05,
  batch: 128,
  start: "",
};

/** A state whose values are admissible: what an address says may be anything. */
export function checked(state) {
  const within = (value, low, high) => Math.min(high, Math.max(low, value));
  return {
    ...state,
    density: within(state.density, 0.01, 1),
    importance: within(state.importance, 0.1, 10),
    rate: within(state.rate, 0.001, 1),
    batch: Math.round(within(state.batch, 1, 4096)),
    bias: state.bias in BIASES ? state.bias : DEFAULTS.bias,
    motion: state.motion in MOTIONS ? state.motion : DEFAULTS.motion,
    surface: state.surface === "best" ? "best" : "selected",
  };
}

/** The weights at which a descent starts, or null. */
export function startOf({start}) {
  const W = start.split(",").map(Number);
  return start && W.length === 2 && W.every((value) => Math.abs(value) <= EXTENT) ? W : null;
}

/* What the pair leaves to the worker; a model comes as {density, importance, bias}. */
import {endAt, flatSets, floorOf} from "./ends.js";
import {settled} from "./flow.js";
import {refined} from "./landscape.js";
import {Model} from "./model.js";
import {randomly} from "../common/random.js";
import {atBestBiases, coordinate} from "./surface.js";

/** Which of `targets`, points before flat sets, a start reaches: its place in that list, or 255. */
function destinations(model, points) {
  const flat = flatSets(model);
  const targets = [...points, ...flat];
  const floor = floorOf(points, flat);
  const lowest = targets.reduce((best, each, k) => (each.loss < targets[best].loss ? k : best), 0);
  return (theta) => {
    const last = settled(model, theta, {tolerance: 1e-3, floor});
    if (last.loss < floor) return lowest;
    const end = endAt(model, last.theta, points, flat);
    return end === null ? 255 : targets.indexOf(end);
  };
}

export const TASKS = {
  "pair.surface": ({model, size, extent}) => atBestBiases(new Model(model), size, extent),

  "pair.refined": ({model, starts}) => refined(new Model(model), starts),

  /** Where the starts (W, b = 0) of a plane end: Uint8Array (size, size). */
  "pair.basins": ({model: given, points, size, extent}) => {
    const model = new Model(given);
    const reached = destinations(model, points);
    const labels = new Uint8Array(size * size);
    const last = labels.length - 1;
    for (let k = 0; k <= last / 2; k++) {
      const W = [coordinate(k % size, size, extent), -coordinate(Math.floor(k / size), size, extent)];
      labels[k] = labels[last - k] = reached(model.own([...W, 0, 0]));
    }
    return labels;
  },

  /** How many of `count` starts with W normal of standard deviation `spread` end at each target. */
  "pair.shares": ({model: given, points, count, spread}) => {
    const model = new Model(given);
    const reached = destinations(model, points);
    const random = randomly(0);
    const hits = {};
    for (let k = 0; k < count; k++) {
      const label = reached(model.own([spread * random.normal(), spread * random.normal(), 0, 0]));
      hits[label] = (hits[label] ?? 0) + 1;
    }
    return hits;
  },
};

/*
Where a motion can end: minima, flat minima, and the points on an axis that attract from one side only; and which of
them a state belongs to. On a flat minimum an output is dead, and the loss is that of any of its members.
*/
import {distance} from "./landscape.js";

/** A state at rest belongs to a point within this distance. */
const MATCH = 1e-2;

/** The flat sets of a model, each with its level, what it is in words, and `holds(theta)`. */
export function flatSets(model) {
  if (model.bias === "none") return [];
  const set = (phase, description, theta, holds, extra = {}) => ({
    flat: true,
    kind: "minimum",
    phase,
    description,
    theta,
    loss: model.loss(theta),
    holds,
    ...extra,
  });
  const bothDead = (theta) => model.dead(theta).every(Boolean);
  const dead = set("silent", "both outputs dead", model.own([0, 0, -1, -1]), bothDead);
  return model.bias === "shared" ? [dead] : [dead, ...[0, 1].flatMap((live) => ofLiveOutput(model, live, set))];
}

/** The families in which one output is dead and the other one reproduces its feature, or is constant at its mean. */
function ofLiveOutput(model, live, set) {
  const dead = 1 - live;
  const name = (k) => `output ${k + 1}`;
  const member = (weight, bias, long) => {
    const theta = [0, 0, 0, 0];
    [theta[live], theta[2 + live], theta[dead], theta[2 + dead]] = [weight, bias, long, -1 - long * long];
    return theta;
  };
  const lever = dead ? "W₂" : "W₁";
  const mean = model.density / 2;
  const off = (theta, value) => Math.abs(value) < MATCH && model.dead(theta)[dead];
  // A lever longer than sqrt(2 Var_j / Var_i), densities being equal, makes a constant output stable.
  const isLong = (theta) => Math.abs(theta[dead]) > Math.SQRT2 - MATCH;
  const perfect = (theta) =>
    off(theta, theta[dead]) && Math.hypot(Math.abs(theta[live]) - 1, theta[2 + live]) < MATCH;
  const constant = (theta) => off(theta, theta[live]) && Math.abs(theta[2 + live] - mean) < MATCH;
  return [
    set(`dedicated-${live + 1}`, `${name(dead)} dead, feature ${live + 1} exact`, member(1, 0, 0), perfect, {
      axis: live,
      from: 1,
      to: 1,
    }),
    set(
      "silent",
      `${name(dead)} dead, ${name(live)} constant, |${lever}| > √2`,
      member(0, mean, 2),
      (theta) => constant(theta) && isLong(theta),
      {axis: dead, from: Math.SQRT2, to: Infinity},
    ),
    set(
      "silent",
      `${name(dead)} dead, ${name(live)} constant, |${lever}| < √2`,
      member(0, mean, 0),
      (theta) => constant(theta) && !isLong(theta),
      {kind: "saddle", axis: dead, from: 0, to: Math.SQRT2},
    ),
  ];
}

/** The ends of a landscape by loss: minima and flat minima, isolated ones first in a tie. */
export function endsOf(points, flat) {
  const all = [...points, ...flat].filter(({kind}) => kind === "minimum");
  return all.sort((a, b) => a.loss - b.loss || Boolean(a.flat) - Boolean(b.flat));
}

/** The point or flat set that a state at rest belongs to, or that is within `reach` of it; null if there is none. */
export function endAt(model, theta, points, flat, reach = MATCH) {
  let [best, nearest] = [null, reach];
  for (const point of points) {
    const gap = distance(point.theta, theta);
    if (gap < nearest) [best, nearest] = [point, gap];
  }
  return best ?? flat.find((set) => set.holds(theta)) ?? null;
}

/** A loss below which only the lowest end is left; in a tie there is none. */
export function floorOf(points, flat) {
  const losses = [...points, ...flat].map(({loss}) => loss).sort((a, b) => a - b);
  return losses[1] * (1 - 1e-9);
}

/* What the view says about itself, and the words in it that are explained. */

export const INTRODUCTION = [
  "Several [features] share two [hidden units]: the column of W that belongs to a feature is drawn as an arrow.",
  "Press Start: from small random weights the exact [loss] runs downhill, without noise and without samples, and the arrows arrange themselves.",
  "Which [arrangement] they end in depends on the [density], on the [importance] and on the start; every arrangement that many starts have found is a [level] of the ladder.",
  "Press a level to go there, drag an arrow away from it and see whether it comes back, or move a slider and watch the arrangement follow or break.",
  "For five equal features at density 0.3 two digons are best, and most starts find them; at 0.1 the pentagon is best, and not every start does.",
].join(" ");

export const WORDS = {
  features: "The inputs: each is zero, or, with the probability called density, uniform between 0 and 1.",
  "hidden units": "The two numbers h = W x that the network may keep of its input; its output is ReLU(Wᵀh + b).",
  loss: "The expected squared error, each feature weighted by its importance.",
  arrangement: "Which features lie in orthogonal directions, and what shape the others make: digon (two opposite arrows), triangle, pentagon.",
  density: "The probability that a feature is not zero: 1 minus the sparsity.",
  importance: "The weight of a feature's squared error in the loss: 1, d, d², ... for the decay d; all equal at decay 1.",
  level: "The loss of a minimum, a place where training can end.",
  dimensionality: "The share of a hidden dimension that a feature has for itself: 1 alone, 1/2 in a digon, 2/5 in a pentagon.",
  single: "One feature that has a hidden dimension for itself.",
  digon: "Two features on one line, in opposite directions.",
  triangle: "Three features 120 degrees from each other.",
  pentagon: "Five features 72 degrees from each other.",
  hexagon: "Six features 60 degrees from each other.",
  confused: "Several features on one line of which at least two have the same direction: the network cannot tell these apart.",
  irregular: "Several features that share the plane in none of the regular shapes.",
  "not represented": "A feature without an arrow: its column of W is zero, or below a tenth of the longest.",
  starts: "The share of Xavier's random weights with zero bias that a quasi-Newton descent takes there. The Start button begins with weights 20 times smaller and takes many short steps, so it ends on levels in other shares.",
};

const NAMES = /(single|digon|triangle|pentagon|hexagon|confused|irregular|not represented)(s?)/g;

/** The name of an arrangement with its parts marked as words that are explained. */
export function marked(name) {
  return name.replace(NAMES, "[$1$2|$1]");
}

/** What the parts of the name of an arrangement mean. */
export function meaning(name) {
  return [...name.matchAll(NAMES)].map(([, part]) => `${part}: ${WORDS[part]}`).join(" ");
}

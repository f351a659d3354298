/* What the page says about itself: five sentences, and the words in them that are explained. */

export const INTRODUCTION = [
  "A network with one [hidden unit] tries to reproduce two [features] that are mostly zero: x′ = ReLU(WᵀWx + b).",
  "Whether it keeps only the more [important|importance] one, or squeezes both into one unit, in [superposition],",
  "depends on how [dense|density] they are and how much each counts.",
  "The first map shows the best [minimum] of every such model; drag the point, and the exact [loss] over both",
  "weights follows in the second.",
  "Click into it to let a network learn from there: it runs downhill and may end in a minimum that is not the best",
  "one, because each has a [basin] of its own.",
  "Nothing here is sampled unless you ask for it: loss, slopes and minima come from formulas.",
].join(" ");

export const WORDS = {
  "hidden unit": "The one number h = W₁x₁ + W₂x₂ that the network may keep of its input.",
  features: "The inputs x₁ and x₂: each is zero, or, with the probability called density, uniform between 0 and 1.",
  importance: "The weight of a feature's squared error in the loss; feature 1 has importance 1.",
  superposition: "Both features share the hidden unit, so that each disturbs the other.",
  density: "The probability that a feature is not zero: 1 minus the sparsity.",
  minimum: "A place from which the loss rises in every direction: training can end there.",
  loss: "The expected squared error, each feature weighted by its importance.",
  basin: "All the starts from which training ends at the same minimum.",
  antipodal:
    "W₁ and W₂ have opposite signs: the features lie on opposite sides of zero, and the ReLU tells them apart.",
  confused: "W₁ and W₂ have the same sign: the network cannot tell the features apart.",
  "dedicated-1": "Only feature 1 is represented, W₂ = 0.",
  "dedicated-2": "Only feature 2 is represented, W₁ = 0.",
  silent: "No weight, or no output that is ever on: nothing is represented.",
  saddle: "Flat, but the loss falls in some direction: training slows down there and goes on.",
  maximum: "The loss falls in every direction.",
  "flat minimum": "A whole family of points with one loss, on which an output is off for every input.",
  "flat saddle": "A whole family of flat points beside which the loss falls.",
  undecided: "Within rounding of a change of kind.",
  share: "How many of 2,000 random starts (Xavier weights, zero bias) end there under gradient flow.",
};

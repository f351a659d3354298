/* The parts of the view that stand still: titles, controls and pictures. */
import {choice, explained, make, slider} from "../common/dom.js";
import {digits} from "../common/format.js";
import {DYNAMICS} from "./motion.js";
import {INTRODUCTION, WORDS} from "./words.js";

export const BIASES = {none: "no bias", shared: "shared bias", "per-feature": "bias per feature"};
export const FEATURES = {2: "2", 3: "3", 4: "4", 5: "5", 6: "6"};

/** Builds everything into an element; `act` has what the controls do. Gives the parts by name. */
export function panels(element, act, {arrows, chart}) {
  const parts = {
    features: choice("Number of features", FEATURES, (features) => act.change({features: Number(features)})),
    bias: choice("Convention for the bias", BIASES, (bias) => act.change({bias})),
    density: slider("density", {low: 0.01, high: 1, format: (x) => digits(x, 3)}, (density) => act.change({density})),
    decay: slider("importance decay", {low: 0.5, high: 1, logarithmic: false, format: (x) => digits(x, 3)}, (decay) => act.change({decay})),
    dynamics: make("select", {"aria-label": "How it moves", onchange: (event) => act.change({dynamics: event.target.value})},
      ...Object.entries(DYNAMICS).map(([value, label]) => make("option", {value}, label))),
    start: make("button", {type: "button", className: "main", onclick: act.start}, "Start"),
    pause: make("button", {type: "button", onclick: act.pause}, "Stop"),
    words: make("p", {className: "note", role: "status"}),
    loss: make("p", {className: "note"}),
    search: make("p", {className: "note", role: "status"}),
    table: make("div", {className: "scroll"}),
    ladder: make("div", {className: "scroll ladder"}),
  };
  parts.density.title = WORDS.density;
  parts.decay.title = WORDS.importance;
  element.append(introduction(), make("div", {className: "network"},
    make("section", {className: "panel first", "aria-label": "Arrows"},
      heading("Arrows: the columns of W"),
      make("div", {className: "row"}, make("span", {}, "features"), parts.features), parts.bias,
      parts.density, parts.decay, arrows, parts.words),
    make("section", {className: "panel", "aria-label": "Loss and levels"},
      heading("Loss on its way down, over the levels of all minima found"),
      make("div", {className: "row"}, parts.start, parts.pause, parts.dynamics), chart, parts.loss),
    make("section", {className: "panel", "aria-label": "Levels and features"},
      make("div", {}, heading("Levels"), parts.search, parts.ladder),
      make("div", {}, heading("Features"), parts.table))));
  return parts;
}

function heading(text) {
  return make("h2", {}, text);
}

function introduction() {
  return make("details", {className: "introduction", open: true}, make("summary", {}, "What is this?"),
    make("p", {}, ...explained(INTRODUCTION, WORDS)));
}

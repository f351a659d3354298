/* The parts of the view that stand still: titles, controls and canvases. */
import {choice, explained, make, slider} from "../common/dom.js";
import {digits} from "../common/format.js";
import {EVENTS} from "./diagram.js";
import {MOTIONS} from "./motions.js";
import {INTRODUCTION, WORDS} from "./words.js";

export const BIAS_WORDS = {none: "no bias", shared: "shared bias", "per-feature": "bias per feature"};
export const SURFACES = {selected: "biases of the selected point", best: "best biases for every W"};

/** The line of each kind of boundary, as it is drawn. */
export function curveKey(kinds) {
  return [...kinds].map((kind) => make("li", {}, sample(EVENTS[kind].dash), EVENTS[kind].word));
}

/** The colour of each basin, and where it leads. */
export function basinKey(ends, colors) {
  return ends.map((end) => {
    const swatch = make("span", {className: "swatch"});
    swatch.style.background = colors.get(end);
    return make("li", {}, swatch, `to ${end.flat ? "flat " : ""}${end.phase}, loss ${digits(end.loss, 4)}`);
  });
}

function sample(dash) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const look = `stroke="currentColor" stroke-width="1.8" stroke-dasharray="${dash.join(" ")}"`;
  svg.innerHTML = `<line x1="0" y1="5" x2="34" y2="5" ${look}/>`;
  for (const [name, value] of [
    ["width", 34],
    ["height", 10],
    ["aria-hidden", "true"],
  ])
    svg.setAttribute(name, value);
  return svg;
}

/** Builds everything into an element; the listeners are those of the view. Gives the parts by name. */
export function panels(element, act) {
  const parts = {
    bias: choice("Convention for the bias", BIAS_WORDS, (bias) => act.change({bias})),
    density: slider("density", {low: 0.01, high: 1, format: (x) => digits(x, 3)}, (density) => act.change({density})),
    importance: slider("importance", {low: 0.1, high: 10, format: (x) => digits(x, 3)}, (importance) =>
      act.change({importance}),
    ),
    diagram: make("canvas", {
      className: "square",
      tabIndex: 0,
      role: "application",
      "aria-label": "Phase diagram: arrow keys move the model, with shift faster",
    }),
    curve: make("p", {className: "note", "aria-live": "polite"}),
    curves: make("ul", {className: "key"}),
    surface: choice("Biases of the surface", SURFACES, (surface) => act.change({surface})),
    basins: make("input", {type: "checkbox", onchange: (event) => act.change({basins: event.target.checked})}),
    plane: make("canvas", {
      className: "square clicked",
      tabIndex: 0,
      role: "application",
      "aria-label": "Loss over the weights: arrow keys move a cross, Enter starts a descent there, Escape removes it",
    }),
    bar: make("p", {className: "bar"}, make("output"), make("span", {"aria-hidden": "true"}), make("output")),
    basinKey: make("ul", {className: "key", "aria-label": "Basins", hidden: true}),
    note: make("p", {className: "note", "aria-live": "polite"}),
    motion: make(
      "select",
      {"aria-label": "How it moves", onchange: (event) => act.change({motion: event.target.value})},
      ...Object.entries(MOTIONS).map(([value, {label}]) => make("option", {value}, label)),
    ),
    rate: slider("rate", {low: 0.001, high: 1, format: (x) => digits(x, 2)}, (rate) => act.change({rate})),
    batch: slider("batch", {low: 1, high: 4096, format: (x) => String(Math.round(x))}, (batch) =>
      act.change({batch: Math.round(batch)}),
    ),
    again: make("button", {type: "button", onclick: act.random}, "Start at random"),
    clear: make("button", {type: "button", onclick: act.clear}, "Clear"),
    status: make("p", {className: "note", role: "status"}),
    list: make("div", {className: "scroll"}),
    shares: make("p", {className: "note"}),
  };
  const key = [
    ["white", "feature 2 is not represented"],
    ["blue", "feature 2 has the unit to itself"],
    ["red", "in superposition"],
  ];
  element.append(
    make(
      "details",
      {className: "introduction", open: true},
      make("summary", {}, "What is this?"),
      make("p", {}, ...explained(INTRODUCTION, WORDS)),
    ),
    make(
      "div",
      {className: "pair"},
      make(
        "section",
        {className: "panel", "aria-label": "Models"},
        make("h2", {}, "Models"),
        parts.bias,
        parts.diagram,
        parts.curve,
        parts.density,
        parts.importance,
        make(
          "ul",
          {className: "key"},
          ...key.map(([color, text]) => make("li", {}, make("span", {className: `swatch ${color}`}), text)),
        ),
        parts.curves,
      ),
      make(
        "section",
        {className: "panel", "aria-label": "Loss over the weights"},
        make("h2", {}, "Loss over the weights"),
        parts.surface,
        parts.plane,
        parts.bar,
        parts.basinKey,
        parts.note,
        make(
          "div",
          {className: "row"},
          parts.motion,
          parts.again,
          parts.clear,
          make("label", {className: "check", title: WORDS.basin}, parts.basins, "basins"),
        ),
        make("div", {className: "row"}, parts.rate, parts.batch),
        parts.status,
      ),
      make(
        "section",
        {className: "panel list", "aria-label": "Stationary points"},
        make("h2", {}, "Where the loss is flat"),
        parts.shares,
        parts.list,
      ),
    ),
  );
  return parts;
}

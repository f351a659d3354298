/* Two features in one hidden unit: the phase diagram, and the loss over the weights. */
import {loss} from "../generated/pair.js";

export const DEFAULTS = {density: 0.3, importance: 0.7, bias: "per-feature"};

/** The lines that ask the package for the landscape of the model shown. */
function python({density, importance, bias}) {
  return [
    "from analytic import ToyModel, find_minima",
    `model = ToyModel.from_density(${density}, importance=${importance}, bias="${bias}")`,
    "print(find_minima(model))",
  ].join("\n");
}

/** The numbers that the loss takes behind the parameters. */
function parameters(p, r) {
  return [1, r, (1 - p) * (1 - p), p * (1 - p), p * (1 - p), p * p];
}

/** Draws the view. */
export function mount(element, state, tools) {
  const line = document.createElement("p");
  element.append(line);
  const view = {
    update(next) {
      state = next;
      const silent = loss(0, 0, 0, 0, ...parameters(state.density, state.importance));
      line.textContent = `Density ${state.density}, importance ${state.importance}: silent outputs lose ${silent}.`;
    },
    destroy() {},
    python: () => python(state),
  };
  view.update(state);
  return view;
}

/* Lines of Python that reproduce what is shown. */
import {EXTENT} from "./plane.js";

const DYNAMICS = {flow: "flow", gd: "gd", adam: "adam"};

function list(values) {
  return `[${Array.from(values, (value) => String(value)).join(", ")}]`;
}

/** A bias as the package takes it in a convention. */
function bias(model, [b1, b2]) {
  return {none: "None", shared: String(b1), "per-feature": list([b1, b2])}[model.bias];
}

/** The way down, as `descend` or `train` do it. */
function descent(model, state, start) {
  const W = list(start.map((value) => Number(value.toPrecision(4))));
  const rate = state.motion === "flow" ? "" : `, lr=${Number(state.rate.toPrecision(3))}`;
  if (state.motion in DYNAMICS) {
    return ["from analytic import descend", `print(descend(model, ${W}, dynamics="${state.motion}"${rate}))`];
  }
  const optimizer = state.motion === "sgd" ? "sgd" : "adam";
  const zero = model.bias === "none" ? "None" : list([model.bias === "shared" ? 0 : [0, 0]].flat());
  const b = model.bias === "per-feature" ? `[${zero}]` : zero;
  return [
    "from analytic import train",
    `run = train(model, init=([${W}], ${b}), optimizer="${optimizer}"${rate}, batch=${state.batch})`,
    "print(run)",
  ];
}

/** All lines: the landscape, the surface at biases b unless that is null, and what else is switched on. */
export function python(model, state, b, start) {
  const {density, importance} = model;
  const lines = [
    "from analytic import ToyModel, find_stationary_points, loss_surface",
    `model = ToyModel.from_density(${density}, importance=${importance}, bias="${model.bias}")`,
    "print(find_stationary_points(model))",
  ];
  if (b) {
    lines.push(`loss_surface(model, b=${bias(model, b)}, extent=${EXTENT}, points=200).plot()`);
  }
  if (state.basins) {
    lines.push("from analytic import basin_map");
    lines.push(`print(basin_map(model, extent=${EXTENT}, resolution=144).areas)`);
  }
  if (start) lines.push(...descent(model, state, start));
  if (b) lines.push("import matplotlib.pyplot as plt", "plt.show()");
  return lines.join("\n");
}

/* Lines of Python that reproduce what is shown. */

function list(values) {
  return `[${Array.from(values, (value) => String(Number(value.toPrecision(8)))).join(", ")}]`;
}

/** The model, the loss and the geometry of the arrows, the descent from them and the search. */
export function python(model, theta, dynamics, rate) {
  const {W, b} = model.split(theta);
  const bias = {none: "None", shared: String(b[0]), "per-feature": list(b)}[model.bias];
  const {features, hidden, density, importance} = model;
  return [
    "from analytic import ReluOutputModel, descend, geometry, search_minima",
    `model = ReluOutputModel.from_density(${features}, ${hidden}, ${density}, importance=${list(importance)}, bias="${model.bias}")`,
    `W, b = [${W.map(list).join(", ")}], ${bias}`,
    "print(model.loss(W, b), [(group.name, group.features) for group in geometry(W)])",
    `print(descend(model, W, b, dynamics="${dynamics}", lr=${Number(rate.toPrecision(4))}).final)`,
    "print(search_minima(model))",
  ].join("\n");
}

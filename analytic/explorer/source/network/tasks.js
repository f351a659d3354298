/* What the view of five in two leaves to the worker. */
import {ends} from "./levels.js";
import {Model} from "./model.js";

export const TASKS = {
  "network.ends": ({model, first, count}) => ends(new Model(model), first, count),
};

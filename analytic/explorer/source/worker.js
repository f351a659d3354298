/* What runs beside the page: tasks by name, each a function of one argument. */
import {TASKS as NETWORK} from "./network/tasks.js";
import {TASKS as PAIR} from "./pair/tasks.js";

const TASKS = {...PAIR, ...NETWORK};

/** Answers {id, task, argument} with {id, result} or {id, error}. */
export function start() {
  self.onmessage = ({data: {id, task, argument}}) => {
    try {
      self.postMessage({id, result: TASKS[task](argument)});
    } catch (error) {
      self.postMessage({id, error: String(error.stack || error)});
    }
  };
}

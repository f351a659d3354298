/* A worker that runs this page's own program. */

/** The text of the program, which a worker runs, too. */
function programText() {
  return document.getElementById("program").textContent;
}

/** One worker; `ask` gives a promise of a task's result, `drop` ends what it is doing and forgets it. */
export class Helper {
  constructor() {
    this.waiting = new Map();
    this.count = 0;
    this.worker = null;
  }

  ask(task, argument) {
    this.worker ??= this.#begin();
    const id = ++this.count;
    this.worker.postMessage({id, task, argument});
    return new Promise((resolve, reject) => this.waiting.set(id, {resolve, reject}));
  }

  /** Whether something that was asked for has not been answered. */
  get busy() {
    return this.waiting.size > 0;
  }

  /** Promises of dropped tasks stay open for ever: whoever awaits one has asked for something else since. */
  drop() {
    if (!this.busy) return;
    this.worker.terminate();
    this.worker = null;
    this.waiting.clear();
  }

  #begin() {
    const address = URL.createObjectURL(new Blob([programText()], {type: "text/javascript"}));
    const worker = new Worker(address);
    URL.revokeObjectURL(address);
    worker.onmessage = ({data: {id, result, error}}) => {
      const {resolve, reject} = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    };
    return worker;
  }
}

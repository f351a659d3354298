/*
The page: one state, in the address behind the #, and one view of it at a time.

A view is a module with
  DEFAULTS                         the values of its state that are not those of all views; one name, one meaning
  mount(element, state, tools)     draws itself into an element and returns {update(state), destroy(), python()}
where tools = {change(values), helper, stored}: `change` asks for another state and ends in `update`, `helper` is a
worker (common/helper.js), `stored` the promise of what Python stored under a name, and `python()` gives the lines
that reproduce what is shown.
*/
import {parsed, written} from "./common/address.js";
import {Helper} from "./common/helper.js";
import {stored} from "./common/stored.js";
import {explainWords} from "./common/tips.js";
import {Model as Network} from "./network/model.js";
import * as network from "./network/view.js";
import {BIASES, Model as Pair} from "./pair/model.js";
import * as pair from "./pair/view.js";

const VIEWS = {pair, network};
const DEFAULTS = Object.assign({view: "pair", theme: "system"}, ...Object.values(VIEWS).map((view) => view.DEFAULTS));

/**
 * The expected loss of W, [W1, W2] for a pair or rows of hidden units, with bias b: null, one number, or one per
 * feature.
 * Importance is a number or one per feature; of a pair, r stands for (1, r).
 */
function loss(W, b, {density, importance = 1}) {
  const bias = Object.keys(BIASES)[b == null ? 0 : Array.isArray(b) ? 2 : 1];
  const biases = b == null ? [] : [b].flat();
  if (!Array.isArray(W[0])) return new Pair({density, importance, bias}).loss([...W, ...biases]);
  const features = W[0].length;
  const each = [importance].flat();
  const all = each.length === 1 ? new Array(features).fill(each[0]) : each;
  const model = new Network({features, hidden: W.length, density, importance: all, bias});
  return model.loss(model.join(W, biases));
}

/** Starts the page. */
export function start() {
  window.analytic = {loss};
  const page = new Page();
  page.go(page.address());
  explainWords();
  window.addEventListener("hashchange", () => page.follow());
}

class Page {
  constructor() {
    this.state = {...DEFAULTS};
    this.first = parsed(document.documentElement.dataset.state, DEFAULTS);
    this.stored = new Map();
    this.helper = new Helper();
    this.view = null;
    this.shown = null;
    /** Whether somebody has touched the view since the last state. */
    this.acted = false;
    this.tools = {
      change: (values) => this.go({...this.state, ...values}),
      helper: this.helper,
      stored: (name) => this.#stored(name),
    };
    this.#listen();
  }

  /** The state that the address asks for. */
  address() {
    this.hash = location.hash;
    const state = parsed(this.hash, this.first);
    return state.view in VIEWS ? state : {...state, view: DEFAULTS.view};
  }

  /** Shows what the address asks for now. */
  follow() {
    this.acted = true;
    this.go(this.address());
  }

  /** Shows a state; the lines of Python go when somebody asked for it, not when a view tells where it has come to. */
  go(state) {
    this.state = state;
    if (this.acted || state.view !== this.shown) document.getElementById("python").parentElement.hidden = true;
    this.acted = false;
    document.documentElement.dataset.theme = state.theme;
    this.#write();
    if (state.view === this.shown) this.view.update(state);
    else this.#mount(state);
  }

  #mount(state) {
    this.view?.destroy();
    const element = document.getElementById("view");
    element.replaceChildren();
    this.shown = state.view;
    for (const tab of document.querySelectorAll("[role=tab]")) {
      tab.setAttribute("aria-selected", String(tab.dataset.view === state.view));
    }
    this.view = VIEWS[state.view].mount(element, state, this.tools);
  }

  #stored(name) {
    if (!this.stored.has(name)) this.stored.set(name, stored(name));
    return this.stored.get(name);
  }

  /** The address follows at rest, because browsers limit how often it may change; what was just typed goes first. */
  #write() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (location.protocol === "about:" || location.hash !== this.hash) return;
      history.replaceState(null, "", `#${written(this.state, this.first)}`);
      this.hash = location.hash;
    }, 150);
  }

  #listen() {
    for (const tab of document.querySelectorAll("[role=tab]")) {
      tab.addEventListener("click", () => this.tools.change({view: tab.dataset.view}));
    }
    for (const name of ["pointerdown", "keydown", "input", "click"]) {
      document.getElementById("view").addEventListener(name, () => (this.acted = true), {capture: true});
    }
    const next = {system: "dark", dark: "light", light: "system"};
    document.getElementById("theme").addEventListener("click", () => {
      this.tools.change({theme: next[this.state.theme] ?? "system"});
    });
    document.getElementById("copy").addEventListener("click", ({currentTarget}) => this.#copy(currentTarget));
  }

  /** Shows the lines, and puts them on the clipboard where the browser allows it. */
  async #copy(button) {
    const text = this.view.python();
    this.acted = false;
    const box = document.getElementById("python");
    box.textContent = text;
    box.parentElement.hidden = false;
    const copied = await navigator.clipboard?.writeText(text).then(
      () => true,
      () => false,
    );
    if (!copied) return;
    const usual = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = usual), 1500);
  }
}

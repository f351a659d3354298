/* The ladder of levels and what is known of each feature, as tables. */
import {explained, make} from "../common/dom.js";
import {digits, percent, places} from "../common/format.js";
import {columns, dimensionality} from "./geometry.js";
import {meaning, WORDS} from "./words.js";

/** A loss with six digits; what is rounding beside the silent loss is zero. */
export function lossText(loss, {silent}) {
  return digits(Math.abs(loss) < 1e-11 * silent ? 0 : loss, 6);
}

function head(...titles) {
  return make("thead", {}, make("tr", {}, ...titles.map((title) => make("th", {scope: "col"}, ...explained(title, WORDS)))));
}

function row(...cells) {
  return make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));
}

/** Numbers with as few digits, from two to seven, as tell them apart. */
function apart(values) {
  const all = [2, 3, 4, 5, 6, 7].map((count) => values.map((value) => digits(value, count)));
  return all.find((texts) => new Set(texts).size === texts.length) ?? all.at(-1);
}

/** The levels with buttons that jump to them; `here` is the one that the arrows are at. */
export function ladder({all, starts, model}, here, jump) {
  const above = apart(all.map(({loss}) => loss - all[0].loss));
  const rows = all.map((level, k) => {
    const button = make("button", {type: "button", "data-tip": `Go to this minimum. ${meaning(level.name)}`,
      "aria-description": meaning(level.name), onclick: () => jump(level)}, level.name);
    const one = row(String(k + 1), button, lossText(level.loss, model), k ? `+${above[k]}` : "best found",
      percent(level.hits / starts));
    if (level === here) one.setAttribute("aria-current", "true");
    return one;
  });
  return make("table", {}, head("", "arrangement", "loss", "above", "[starts]"), make("tbody", {}, ...rows));
}

/** One line per feature: its importance, the length of its arrow, its share of the dimensions, its bias. */
export function features(model, theta) {
  const {W, b} = model.split(theta);
  const shares = dimensionality(W);
  const rows = columns(W).map(([x, y], i) => row(String(i + 1), digits(model.importance[i], 3), places(Math.hypot(x, y), 3),
    places(shares[i], 3), places(b[i], 3)));
  return make("table", {className: "features"}, head("", "[importance]", "length", "[dimensionality]", "bias"), make("tbody", {}, ...rows));
}

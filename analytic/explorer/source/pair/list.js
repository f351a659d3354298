/* The list of stationary points and flat sets, ends first. */
import {digits, percent, places} from "../common/format.js";
import {make} from "../common/dom.js";
import {WORDS} from "./words.js";

const HEADER = ["", "phase", "loss", "share", "W₁", "W₂", "bias"];

/** Whether a point that starts reach attracts from one side only; of an undecided one rounding leaves that open. */
export function attractsOneSided({kind}) {
  return kind !== "minimum" && kind !== "undecided";
}

/** The rows: an end, or a point, or a flat set. */
function cells(entry, {best, shares, color, bias}) {
  const kind = entry.flat ? `flat ${entry.kind}` : entry.kind;
  const word = make(
    "dfn",
    {tabIndex: 0, "data-tip": `${WORDS[kind]} ${WORDS[entry.phase]}`},
    entry.phase.replace("-", " "),
  );
  const share = shares?.get(entry);
  const remark =
    entry === best ? ", the best" : share && attractsOneSided(entry) ? " that attracts from one side" : "";
  const name = make("span", {}, word, make("small", {}, kind + remark));
  const mark = make("span", {className: `mark ${entry.flat ? "flat" : entry.kind}`, "aria-hidden": "true"});
  mark.style.setProperty("--color", color);
  const numbers = entry.flat
    ? [make("td", {colSpan: 3, className: "words"}, entry.description)]
    : [...entry.W.map((value) => places(value, 4)), biases(entry.b, bias)].map((text) => make("td", {}, text));
  return [
    make("td", {}, mark),
    make("th", {scope: "row"}, name),
    make("td", {}, digits(entry.loss, 6)),
    make("td", {}, share === undefined ? "" : percent(share)),
    ...numbers,
  ];
}

function biases([b1, b2], bias) {
  if (bias === "none") return "–";
  return bias === "shared" ? places(b1, 4) : `${places(b1, 4)}, ${places(b2, 4)}`;
}

/** The table; `chosen(entry)` is called for a row, by mouse or by key. */
export function table(entries, context, chosen) {
  const head = HEADER.map((text) =>
    make("th", {scope: "col"}, text === "share" ? make("dfn", {tabIndex: 0, "data-tip": WORDS.share}, text) : text),
  );
  const rows = entries.map((entry) =>
    make(
      "tr",
      {
        tabIndex: 0,
        "aria-selected": String(entry === context.selected),
        onclick: (event) => {
          // A finger has no other way to an explained word.
          if (event.pointerType !== "touch" || !event.target.closest("[data-tip]")) chosen(entry);
        },
        onkeydown: (event) => {
          if (event.target !== event.currentTarget || (event.key !== "Enter" && event.key !== " ")) return;
          event.preventDefault();
          chosen(entry);
        },
      },
      ...cells(entry, {...context, color: context.colors.get(entry)}),
    ),
  );
  return make(
    "table",
    {role: "grid", "aria-label": "Stationary points"},
    make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...rows),
  );
}

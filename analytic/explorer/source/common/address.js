/* The state of the page as text: what stands in the address behind the #. */

/** What a text says, where it is understood; other values are those of `defaults`, whose types decide. */
export function parsed(text, defaults) {
  const given = new URLSearchParams(text.replace(/^#/, ""));
  const state = {...defaults};
  for (const [name, value] of given) {
    if (!(name in defaults)) continue;
    const usual = defaults[name];
    if (typeof usual === "number") {
      if (value !== "" && Number.isFinite(Number(value))) state[name] = Number(value);
    } else if (typeof usual === "boolean") state[name] = value === "true";
    else state[name] = value;
  }
  return state;
}

/** A state as text: only what differs from `defaults`, numbers with four digits. */
export function written(state, defaults) {
  const kept = new URLSearchParams();
  for (const [name, usual] of Object.entries(defaults)) {
    if (state[name] !== usual) kept.set(name, shortened(state[name]));
  }
  return kept.toString();
}

function shortened(value) {
  return typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value);
}

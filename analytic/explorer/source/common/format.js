/* Numbers for people. */

/** A number with so many significant digits, a minus sign that is one, and no exponent between 1e-4 and 1e6. */
export function digits(value, count = 4) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e-4 && size < 1e6 ? trimmed(value.toPrecision(count)) : value.toExponential(count - 1);
  return text.replace(/-/g, "−");
}

function trimmed(text) {
  return text.includes("e") ? String(Number(text)) : text;
}

/** A number with so many places behind the point. */
export function places(value, count) {
  const text = value.toFixed(count);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

/** A share as a percentage. */
export function percent(share) {
  return share > 0 && share < 0.01 ? `${(100 * share).toFixed(1)} %` : `${Math.round(100 * share)} %`;
}

/** Elements of a list as "a, b and c". */
export function joined(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/* What two rows of weights are made of: polytopes/ of the package, for two hidden units. W is two rows. */

const POLYGONS = {5: "pentagon", 6: "hexagon"};
export const NOT_REPRESENTED = "not represented";

/** The columns of W. */
export function columns(W) {
  return Array.from(W[0], (x, i) => [x, W[1][i]]);
}

/** The share of a hidden dimension that each feature has: |W_i|^4 / sum_j (W_i . W_j)^2, and 0 where W_i = 0. */
export function dimensionality(W) {
  const all = columns(W);
  const largest = Math.max(...all.flat().map(Math.abs)) || 1;
  const scaled = all.map(([x, y]) => [x / largest, y / largest]);
  return scaled.map((own) => {
    const shared = scaled.reduce((sum, other) => sum + dot(own, other) ** 2, 0);
    return shared > 0 ? dot(own, own) ** 2 / shared : 0;
  });
}

/**
 * Groups of features in orthogonal subspaces: [{features, name}], the largest first, those without weight last.
 *
 * tolerance: the largest |cosine| that counts as none, the largest deviation of a cosine from a named shape, and the
 * length, relative to the largest, below which a feature is not represented.
 */
export function geometry(W, tolerance = 0.1) {
  const all = columns(W);
  const lengths = all.map(([x, y]) => Math.hypot(x, y));
  const least = tolerance * Math.max(...lengths);
  const shown = lengths.flatMap((length, i) => (length > least ? [i] : []));
  const unit = all.map(([x, y], i) => [x / lengths[i], y / lengths[i]]);
  const groups = connected(shown, (i, j) => Math.abs(dot(unit[i], unit[j])) > tolerance)
    .sort((one, other) => other.length - one.length || one[0] - other[0])
    .map((features) => ({features, name: nameOf(features.map((i) => unit[i]), tolerance)}));
  const absent = lengths.flatMap((length, i) => (length > least ? [] : [i]));
  return absent.length ? [...groups, {features: absent, name: NOT_REPRESENTED}] : groups;
}

/** The names of groups: "pentagon", "2 digons, single", "2 digons, 1 not represented": features without weight are counted. */
export function inWords(groups) {
  const counts = new Map();
  for (const {name, features} of groups) {
    counts.set(name, (counts.get(name) ?? 0) + (name === NOT_REPRESENTED ? features.length : 1));
  }
  const plural = (name) => ([NOT_REPRESENTED, "confused", "irregular"].includes(name) ? name : `${name}s`);
  return [...counts].map(([name, count]) => (count === 1 && name !== NOT_REPRESENTED ? name : `${count} ${plural(name)}`)).join(", ");
}

function dot(one, other) {
  return one[0] * other[0] + one[1] * other[1];
}

/** Indices that hang together, each part in ascending order. */
function connected(indices, joined) {
  const parts = [];
  const left = new Set(indices);
  for (const first of indices) {
    if (!left.delete(first)) continue;
    const part = [first];
    for (const one of part) {
      for (const other of left) if (joined(one, other)) left.delete(other) && part.push(other);
    }
    parts.push(part.sort((a, b) => a - b));
  }
  return parts;
}

function nameOf(directions, tolerance) {
  const count = directions.length;
  if (count === 1) return "single";
  const flat = dimension(directions, tolerance) === 1;
  const shape = candidate(count, flat);
  const fits = shape && directions.every((own) => {
    const cosines = directions.map((other) => dot(own, other)).sort((a, b) => a - b).slice(0, -1);
    return cosines.every((cosine, k) => Math.abs(cosine - shape.cosines[k]) <= tolerance);
  });
  if (fits) return shape.name;
  return flat ? "confused" : "irregular";
}

/** How many dimensions unit vectors span: singular values below the tolerance do not count. */
function dimension(directions, tolerance) {
  const [a, b, c] = directions.reduce(([xx, xy, yy], [x, y]) => [xx + x * x, xy + x * y, yy + y * y], [0, 0, 0]);
  const half = Math.hypot((a - c) / 2, b);
  const [most, least] = [(a + c) / 2 + half, (a + c) / 2 - half];
  return Math.sqrt(Math.max(0, least)) > tolerance * Math.sqrt(most) ? 2 : 1;
}

/** The regular shape of so many features, with its sorted cosines: a polygon, or a digon on a line. */
function candidate(count, flat) {
  if (flat) return count === 2 ? {name: "digon", cosines: [-1]} : null;
  if (count === 3) return {name: "triangle", cosines: [-0.5, -0.5]};
  if (!(count in POLYGONS)) return null;
  const angles = Array.from({length: count - 1}, (_, k) => (2 * Math.PI * (k + 1)) / count);
  return {name: POLYGONS[count], cosines: angles.map(Math.cos).sort((a, b) => a - b)};
}

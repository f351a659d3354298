/* Contour lines by marching squares. */

/** Segments x1, y1, x2, y2 (in pixels of the grid, whose nodes lie at their centres) on which a level is an integer. */
export function contours(levels, n) {
  const lines = [];
  const crossings = [];
  const cross = (x1, y1, a, x2, y2, b, level) => {
    if (a < level === b < level) return;
    const t = (level - a) / (b - a);
    crossings.push(x1 + t * (x2 - x1) + 0.5, y1 + t * (y2 - y1) + 0.5);
  };
  for (let y = 0; y + 1 < n; y++) {
    for (let x = 0; x + 1 < n; x++) {
      const k = y * n + x;
      const [a, b, c, d] = [levels[k], levels[k + 1], levels[k + n], levels[k + n + 1]];
      const low = Math.min(a, b, c, d);
      const high = Math.max(a, b, c, d);
      for (let level = Math.floor(low) + 1; level <= high; level++) {
        cross(x, y, a, x + 1, y, b, level);
        cross(x + 1, y, b, x + 1, y + 1, d, level);
        cross(x + 1, y + 1, d, x, y + 1, c, level);
        cross(x, y + 1, c, x, y, a, level);
        lines.push(...crossings);
        crossings.length = 0;
      }
    }
  }
  return lines;
}

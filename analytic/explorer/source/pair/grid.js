/* The points that Python has stored for a grid of models (explorer/pair.py), as starts for the models between them. */

export class Grid {
  /** Of one convention; `knowledge` is what is stored. */
  constructor(knowledge, bias) {
    const {counts, points} = knowledge.conventions[bias];
    [this.rows, this.columns] = counts.shape;
    this.points = points.values;
    this.unit = knowledge.unit;
    [this.low, this.high] = knowledge.density.map(Math.log);
    this.least = Math.log(knowledge.importance[0]);
    this.first = new Uint32Array(counts.values.length + 1);
    counts.values.forEach((count, k) => (this.first[k + 1] = this.first[k] + count));
  }

  /** Stored points (W1, W2, b1, b2) of the models within `reach` nodes around one with density p and importance r. */
  around(p, r, reach) {
    const row = ((Math.log(p) - this.low) / (this.high - this.low)) * (this.rows - 1);
    const column = (1 - Math.abs(Math.log(r)) / -this.least) * (this.columns - 1);
    const found = [];
    for (const i of near(row, reach, this.rows)) {
      for (const j of near(column, reach, this.columns)) this.#add(i * this.columns + j, r > 1, found);
    }
    return found;
  }

  #add(node, exchanged, found) {
    for (let k = this.first[node]; k < this.first[node + 1]; k++) {
      const [W1, W2, b1, b2] = this.points.subarray(4 * k, 4 * k + 4);
      const z = exchanged ? [W2, W1, b2, b1] : [W1, W2, b1, b2];
      found.push(z.map((value) => value * this.unit));
    }
  }
}

/** The `2 reach` nodes around a place, those that exist. */
function near(place, reach, count) {
  const start = Math.floor(place) - reach + 1;
  return Array.from({length: 2 * reach}, (_, k) => start + k).filter((k) => k >= 0 && k < count);
}

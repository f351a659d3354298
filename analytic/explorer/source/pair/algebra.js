/* Small dense systems; matrices are arrays of rows. */

/** The solution of a system by elimination with pivots, or null where it is singular. */
export function solved(matrix, vector) {
  const n = vector.length;
  const rows = matrix.map((row, i) => [...row, vector[i]]);
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[pivot][k])) pivot = i;
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    if (rows[k][k] === 0) return null;
    for (let i = k + 1; i < n; i++) {
      const factor = rows[i][k] / rows[k][k];
      for (let j = k; j <= n; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  const x = new Array(n);
  for (let i = n - 1; i >= 0; i--) {
    let sum = rows[i][n];
    for (let j = i + 1; j < n; j++) sum -= rows[i][j] * x[j];
    x[i] = sum / rows[i][i];
  }
  return x.every(Number.isFinite) ? x : null;
}

/** The lower triangle L of L L^T = 1 + scale M, or null where that is not positive definite. */
export function shiftedFactor(matrix, scale) {
  const n = matrix.length;
  const lower = matrix.map(() => new Array(n).fill(0));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let value = scale * matrix[i][j] + (i === j ? 1 : 0);
      for (let m = 0; m < j; m++) value -= lower[i][m] * lower[j][m];
      if (i !== j) lower[i][j] = value / lower[j][j];
      else if (value > 0) lower[i][i] = Math.sqrt(value);
      else return null;
    }
  }
  return lower;
}

/** Solves L L^T x = v, in place. */
export function backSolve(lower, v) {
  const n = v.length;
  for (let i = 0; i < n; i++) {
    for (let m = 0; m < i; m++) v[i] -= lower[i][m] * v[m];
    v[i] /= lower[i][i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let m = i + 1; m < n; m++) v[i] -= lower[m][i] * v[m];
    v[i] /= lower[i][i];
  }
}

/** Eigenvalues of a symmetric matrix, ascending, by Jacobi's rotations. */
export function eigenvalues(matrix) {
  const a = matrix.map((row) => [...row]);
  const n = a.length;
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) off += a[i][j] * a[i][j];
    if (off < 1e-40) break;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) rotate(a, i, j);
  }
  return a.map((row, i) => row[i]).sort((x, y) => x - y);
}

/** Turns the plane of two axes so that their entry off the diagonal vanishes. */
function rotate(a, i, j) {
  if (a[i][j] === 0) return;
  const theta = (a[j][j] - a[i][i]) / (2 * a[i][j]);
  const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (let k = 0; k < a.length; k++) {
    const [x, y] = [a[k][i], a[k][j]];
    a[k][i] = c * x - s * y;
    a[k][j] = s * x + c * y;
  }
  for (let k = 0; k < a.length; k++) {
    const [x, y] = [a[i][k], a[j][k]];
    a[i][k] = c * x - s * y;
    a[j][k] = s * x + c * y;
  }
}

/** The length of a vector. */
export function norm(v) {
  return Math.hypot(...v);
}

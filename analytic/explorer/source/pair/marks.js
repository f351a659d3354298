/* Marks that are seen on any colour: white and black around a colour of their own. */

/** Strokes the path that was begun, in white on black. */
function edged(context, [outer, inner]) {
  for (const [width, color] of [
    [outer, "#111"],
    [inner, "#fff"],
  ]) {
    context.lineWidth = width;
    context.strokeStyle = color;
    context.stroke();
  }
}

/** A line in white on black, so that it is seen on any colour. */
export function stroked(context, [start, end], widths) {
  context.beginPath();
  context.moveTo(...start);
  context.lineTo(...end);
  edged(context, widths);
}

export function dot(context, [x, y], radius, color) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  edged(context, [4, 1.6]);
  context.fillStyle = color;
  context.fill();
}

export function ring(context, [x, y], radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  edged(context, [5, 2.5]);
}

export function polygon(context, [x, y], radius, corners, color) {
  context.beginPath();
  for (let k = 0; k < corners; k++) {
    const angle = (2 * Math.PI * k) / corners - Math.PI / 2;
    context.lineTo(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
  }
  context.closePath();
  context.lineWidth = 3;
  context.strokeStyle = "#111";
  context.stroke();
  context.fillStyle = color;
  context.fill();
}

export function star(context, [x, y], radius) {
  context.beginPath();
  for (let k = 0; k < 10; k++) {
    const angle = (Math.PI * k) / 5 - Math.PI / 2;
    const r = k % 2 ? radius * 0.45 : radius;
    context.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle));
  }
  context.closePath();
  context.fillStyle = "#111";
  context.fill();
}

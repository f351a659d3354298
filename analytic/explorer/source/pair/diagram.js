/* The phase diagram: how the best minimum represents feature 2, the boundaries, and the model that is shown. */
import {inks} from "../common/sheet.js";
import {packed, picture} from "../common/shades.js";

const MARGIN = {left: 46, right: 12, top: 10, bottom: 40};
const TICKS = {density: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1], importance: [0.1, 0.2, 0.5, 1, 2, 5, 10]};
/** How each kind of boundary is drawn: dashes, and the word for it. */
export const EVENTS = {
  "first-order": {dash: [], word: "the best minimum jumps"},
  fold: {dash: [7, 4], word: "a minimum and a saddle appear"},
  kink: {dash: [7, 3, 2, 3], word: "they appear on a kink"},
  instability: {dash: [2, 3], word: "a point on an axis turns"},
  "exact tie": {dash: [10, 3, 2, 3, 2, 3], word: "two minima tie exactly"},
};
/** A boundary within so many pixels is named. */
const CLOSE = 8;

/** White where feature 2 is not represented, blue where it is alone, red in superposition: as plotting/colors.py. */
function colored({values, shape: [rows, columns]}, {white, blue, red}) {
  const pixels = new Uint32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const k = (rows - 1 - row) * columns + column;
      const [norm, shared] = [values[2 * k] / 255, values[2 * k + 1] / 255];
      const channel = (c) => {
        const own = blue.values[c] + shared * (red.values[c] - blue.values[c]);
        return white.values[c] + norm * (own - white.values[c]);
      };
      pixels[row * columns + column] = packed(channel(0), channel(1), channel(2), 255);
    }
  }
  return picture(pixels, columns, rows);
}

export class Diagram {
  constructor(knowledge, bias) {
    this.spans = {density: knowledge.density.map(Math.log10), importance: knowledge.importance.map(Math.log10)};
    this.phases = knowledge.colors.phases;
    const {picture: stored, curves} = knowledge.conventions[bias];
    this.image = colored(stored, knowledge.colors);
    this.curves = curves.map((curve) => ({...curve, points: unpacked(curve.path, knowledge.unit)}));
    this.kinds = new Set(curves.map(({kind}) => kind));
  }

  /** The rectangle of the plot in a canvas. */
  frame(width, height) {
    const {left, right, top, bottom} = MARGIN;
    return {x: left, y: top, width: width - left - right, height: height - top - bottom};
  }

  /** The place of a model. */
  place({density, importance}, frame) {
    return this.#at(Math.log10(density), Math.log10(importance), frame);
  }

  #at(logDensity, logImportance, frame) {
    const share = (value, [low, high]) => (value - low) / (high - low);
    return [
      frame.x + frame.width * share(logImportance, this.spans.importance),
      frame.y + frame.height * (1 - share(logDensity, this.spans.density)),
    ];
  }

  /** The model at a place, clipped to the diagram. */
  model([x, y], frame) {
    const clip = (share) => Math.min(1, Math.max(0, share));
    const value = (share, [low, high]) => 10 ** (low + share * (high - low));
    return {
      density: value(clip(1 - (y - frame.y) / frame.height), this.spans.density),
      importance: value(clip((x - frame.x) / frame.width), this.spans.importance),
    };
  }

  paint(context, width, height, model) {
    const frame = this.frame(width, height);
    const colors = inks();
    context.imageSmoothingEnabled = true;
    context.drawImage(this.image, frame.x, frame.y, frame.width, frame.height);
    this.#drawCurves(context, frame);
    context.strokeStyle = colors.quiet;
    context.lineWidth = 1;
    context.strokeRect(frame.x + 0.5, frame.y + 0.5, frame.width - 1, frame.height - 1);
    this.#drawAxes(context, frame, colors);
    this.#drawHandle(context, this.place(model, frame));
  }

  #drawCurves(context, frame) {
    context.save();
    context.beginPath();
    context.rect(frame.x, frame.y, frame.width, frame.height);
    context.clip();
    context.lineJoin = "round";
    for (const curve of this.curves) {
      const path = new Path2D();
      for (const [p, r] of curve.points) path.lineTo(...this.#at(p, r, frame));
      context.setLineDash([]);
      context.strokeStyle = "rgba(255, 255, 255, 0.45)";
      context.lineWidth = 3;
      context.stroke(path);
      context.setLineDash(EVENTS[curve.kind].dash);
      context.strokeStyle = "#111";
      context.lineWidth = curve.kind === "first-order" ? 2 : 1.3;
      context.stroke(path);
    }
    context.restore();
  }

  #drawAxes(context, frame, colors) {
    context.fillStyle = colors.quiet;
    context.font = "12px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const value of TICKS.importance) {
      context.fillText(String(value), this.#at(0, Math.log10(value), frame)[0], frame.y + frame.height + 5);
    }
    context.fillText("importance of feature 2", frame.x + frame.width / 2, frame.y + frame.height + 22);
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of TICKS.density)
      context.fillText(String(value), frame.x - 5, this.#at(Math.log10(value), 0, frame)[1]);
    context.save();
    context.translate(9, frame.y + frame.height / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.fillText("density", 0, 0);
    context.restore();
  }

  #drawHandle(context, [x, y]) {
    for (const [radius, color] of [
      [9, "#111"],
      [7, "#fff"],
      [3, "#111"],
    ]) {
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fillStyle = color;
      context.fill();
    }
  }

  /** What the boundary that is nearest to a place says, or null. */
  boundaryAt([x, y], frame) {
    let [best, nearest] = [null, CLOSE];
    for (const curve of this.curves) {
      for (const [p, r] of curve.points) {
        const [u, v] = this.#at(p, r, frame);
        const gap = Math.hypot(u - x, v - y);
        if (gap < nearest) [best, nearest] = [curve, gap];
      }
    }
    return best && best.label;
  }
}

/** log10 of density and importance of every point of a curve. */
function unpacked({values, shape: [, count]}, unit) {
  return Array.from({length: count}, (_, k) => [values[k] * unit, values[count + k] * unit]);
}

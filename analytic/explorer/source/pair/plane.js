/* The plane of weights: the loss as colours and contour lines, points, flat sets, basins, and ways down. */
import {inks} from "../common/sheet.js";
import {contours} from "./contours.js";
import {dot, polygon, ring, star, stroked} from "./marks.js";
import {channels, packed, paler, picture, table} from "../common/shades.js";

/** W1 and W2 from -EXTENT to EXTENT. */
export const EXTENT = 1.8;
/** Contour lines between the least and the greatest loss. */
const LEVELS = 16;
const MARGIN = {left: 40, right: 12, top: 10, bottom: 38};
const TICKS = [-1.5, -1, -0.5, 0, 0.5, 1, 1.5];
/** How much white each further area of one phase gets, and how much of a basin's colour is laid over the loss. */
const PALER = [0, 0.4, 0.6, 0.75];
const VEIL = 130;
/** How visible a point is whose biases are not those of the surface. */
const ELSEWHERE = 0.55;

/** One colour for each of some ends, by phase; the second of a phase is paler than the first. */
export function endColors(ends, phases) {
  const seen = {};
  return ends.map(({phase}) => {
    seen[phase] = (seen[phase] ?? -1) + 1;
    return paler(phases[phase], PALER[Math.min(seen[phase], PALER.length - 1)]);
  });
}

export class Plane {
  constructor(colors) {
    this.shades = table(colors.surface);
    this.phases = colors.phases;
    this.surface = null;
    this.veil = null;
  }

  /** Takes a surface (surface.js): its colours, and the lines between its levels. */
  show(values, size) {
    let [low, high] = [Infinity, 0];
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const [start, width] = [Math.log(low), Math.log(high / low)];
    this.levels ??= new Float32Array(values.length);
    if (this.levels.length !== values.length) this.levels = new Float32Array(values.length);
    const pixels = new Uint32Array(values.length);
    for (let k = 0; k < values.length; k++) {
      const share = (Math.log(values[k]) - start) / width;
      this.levels[k] = share * LEVELS;
      pixels[k] = this.shades[(255 * share) | 0];
    }
    this.surface = {values, image: picture(pixels, size, size), lines: contours(this.levels, size), size, low, high};
  }

  /** The colours from the least to the greatest loss, as stops of a gradient. */
  gradient() {
    const stops = Array.from({length: 16}, (_, k) => this.shades[17 * k]);
    return stops.map((pixel) => `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`).join(", ");
  }

  /** The value of a pixel of the surface. */
  at(row, column) {
    return this.surface.values[row * this.surface.size + column];
  }

  /** Takes the labels of a plane of starts; `colors` by label. */
  showBasins(labels, colors, size) {
    const inked = colors.map((color) => packed(...channels(color), VEIL));
    this.veil = picture(
      Uint32Array.from(labels, (label) => inked[label] ?? 0),
      size,
      size,
    );
  }

  hideBasins() {
    this.veil = null;
  }

  frame(width, height) {
    const side = Math.min(width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom);
    return {x: MARGIN.left, y: MARGIN.top, side};
  }

  place([W1, W2], {x, y, side}) {
    return [x + (side * (W1 / EXTENT + 1)) / 2, y + (side * (1 - W2 / EXTENT)) / 2];
  }

  /** The weights at a place, or null outside the plane. */
  weights([u, v], {x, y, side}) {
    const W = [EXTENT * ((2 * (u - x)) / side - 1), EXTENT * (1 - (2 * (v - y)) / side)];
    return W.every((value) => Math.abs(value) <= EXTENT) ? W : null;
  }

  /** Draws everything; `scene` is {points, flat, here(point), selected, best, trail, cursor}. */
  paint(context, width, height, scene) {
    const frame = this.frame(width, height);
    const colors = inks();
    this.#drawAxes(context, frame, colors);
    context.save();
    context.beginPath();
    context.rect(frame.x, frame.y, frame.side, frame.side);
    context.clip();
    if (this.surface) this.#drawSurface(context, frame);
    this.#drawFlatSets(context, frame, scene.flat);
    if (scene.trail.length) this.#drawTrail(context, frame, scene.trail);
    this.#drawPoints(context, frame, scene);
    if (scene.trail.length) dot(context, this.place(scene.trail.at(-1), frame), 5.5, "#ff2e88");
    if (scene.cursor) this.#drawCursor(context, this.place(scene.cursor, frame));
    context.restore();
    context.strokeStyle = colors.quiet;
    context.lineWidth = 1;
    context.strokeRect(frame.x + 0.5, frame.y + 0.5, frame.side - 1, frame.side - 1);
  }

  #drawSurface(context, {x, y, side}) {
    const {image, lines, size} = this.surface;
    context.imageSmoothingEnabled = true;
    context.drawImage(image, x, y, side, side);
    if (this.veil) {
      context.imageSmoothingEnabled = false;
      context.drawImage(this.veil, x, y, side, side);
    }
    context.save();
    context.translate(x, y);
    context.scale(side / size, side / size);
    context.lineWidth = (0.9 * size) / side;
    context.strokeStyle = this.veil ? "rgba(20, 20, 20, 0.45)" : "rgba(255, 255, 255, 0.5)";
    context.beginPath();
    for (let k = 0; k < lines.length; k += 4) {
      context.moveTo(lines[k], lines[k + 1]);
      context.lineTo(lines[k + 2], lines[k + 3]);
    }
    context.stroke();
    context.restore();
  }

  #drawAxes(context, frame, colors) {
    context.fillStyle = colors.quiet;
    context.font = "12px system-ui, sans-serif";
    const {x, y, side} = frame;
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const value of TICKS) context.fillText(named(value), this.place([value, 0], frame)[0], y + side + 5);
    context.fillText("W₁", x + side / 2, y + side + 21);
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of TICKS) context.fillText(named(value), x - 5, this.place([0, value], frame)[1]);
    context.textAlign = "left";
    context.fillText("W₂", 2, y + side / 2 - 14);
  }

  /** Where flat sets lie over the axes, both copies. */
  #drawFlatSets(context, frame, flat) {
    context.lineCap = "round";
    context.globalAlpha = ELSEWHERE;
    for (const {axis, from, to, kind} of flat) {
      if (axis === undefined) continue;
      for (const sign of [-1, 1]) {
        const ends = [from, Math.min(to, EXTENT)].map((length) =>
          this.place(axis ? [0, sign * length] : [sign * length, 0], frame),
        );
        context.setLineDash(kind === "minimum" ? [] : [1, 6]);
        stroked(context, ends, from === to ? [10, 6] : kind === "minimum" ? [5, 2.5] : [3, 1.5]);
      }
    }
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  #drawTrail(context, frame, trail) {
    const path = new Path2D();
    for (const W of trail) path.lineTo(...this.place(W, frame));
    context.lineJoin = "round";
    for (const [width, color] of [
      [5, "#fff"],
      [2.5, "#111"],
    ]) {
      context.lineWidth = width;
      context.strokeStyle = color;
      context.stroke(path);
    }
    dot(context, this.place(trail[0], frame), 4, "#fff");
  }

  #drawPoints(context, frame, {points, selected, best, here}) {
    for (const point of [...points].reverse()) {
      for (const sign of point.phase === "silent" ? [1] : [1, -1]) {
        const at = this.place(
          point.W.map((value) => sign * value),
          frame,
        );
        context.globalAlpha = here(point) ? 1 : ELSEWHERE;
        if (point === selected) ring(context, at, 13);
        if (point.kind === "minimum") dot(context, at, point === best ? 8 : 6, this.phases[point.phase]);
        else if (point.kind === "maximum") polygon(context, at, 6, 3, "#d0d0d0");
        else polygon(context, at, 6, 4, point.kind === "saddle" ? "#fff" : "#ff66cc");
        if (point === best) star(context, at, 4);
      }
    }
    context.globalAlpha = 1;
  }

  #drawCursor(context, [x, y]) {
    for (const [width, color] of [
      [3, "#fff"],
      [1, "#111"],
    ]) {
      context.lineWidth = width;
      context.strokeStyle = color;
      context.beginPath();
      for (const [u, v] of [
        [12, 0],
        [0, 12],
      ]) {
        context.moveTo(x - u, y - v);
        context.lineTo(x + u, y + v);
      }
      context.stroke();
    }
  }
}

function named(value) {
  return String(value).replace("-", "−");
}

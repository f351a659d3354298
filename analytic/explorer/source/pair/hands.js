/* What mouse, finger and keys do to the two pictures. */
import {EXTENT} from "./plane.js";

/** Steps of the keys, as factors of the model and as lengths of weights; the shift key multiplies them. */
const FACTOR = 1.02;
const NUDGE = 0.05;
const SHIFT = 5;
/** Where the cross appears. */
const FIRST = [0.5, 0.5];

/**
 * Listens to the canvases in `sheets` until `signal`. `view` has state, diagram, plane and cursor, and is told by
 * change(values), point(W or null) where a pointer is, name(boundary or null), aim(W or null) and start(W).
 */
export function listen(sheets, view, signal) {
  const on = (canvas, name, act) => canvas.addEventListener(name, act, {signal});
  const diagram = sheets.diagram.canvas;
  on(diagram, "pointerdown", (event) => {
    diagram.setPointerCapture(event.pointerId);
    view.name(null);
    view.change(modelAt(sheets.diagram, view, event));
  });
  on(diagram, "pointermove", (event) => {
    if (event.buttons) view.change(modelAt(sheets.diagram, view, event));
    const at = sheets.diagram.place(event);
    view.name(event.buttons ? null : view.diagram.boundaryAt(at, frame(sheets.diagram, view.diagram)));
  });
  on(diagram, "pointerleave", () => view.name(null));
  on(diagram, "keydown", (event) => answered(event, movedModel(event, view.state), view.change));
  const plane = sheets.plane.canvas;
  on(plane, "pointermove", (event) => view.point(weightsAt(sheets.plane, view, event)));
  on(plane, "pointerleave", () => view.point(null));
  on(plane, "click", (event) => {
    const W = weightsAt(sheets.plane, view, event);
    if (W) view.start(W);
  });
  on(plane, "keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && view.cursor) answered(event, view.cursor, view.start);
    else if (event.key === "Escape") view.aim(null);
    else answered(event, movedCross(event, view.cursor ?? FIRST), view.aim);
  });
  on(plane, "blur", () => view.aim(null));
}

/** Does what a key asks for, if it asks for something. */
function answered(event, wish, act) {
  if (!wish) return;
  event.preventDefault();
  act(wish);
}

function frame({canvas}, picture) {
  return picture.frame(canvas.clientWidth, canvas.clientHeight);
}

function modelAt(sheet, view, event) {
  return view.diagram.model(sheet.place(event), frame(sheet, view.diagram));
}

function weightsAt(sheet, view, event) {
  return view.plane.weights(sheet.place(event), frame(sheet, view.plane));
}

function movedModel({key, shiftKey}, {density, importance}) {
  const factor = shiftKey ? FACTOR ** SHIFT : FACTOR;
  return {
    ArrowUp: {density: Math.min(1, density * factor)},
    ArrowDown: {density: Math.max(0.01, density / factor)},
    ArrowRight: {importance: Math.min(10, importance * factor)},
    ArrowLeft: {importance: Math.max(0.1, importance / factor)},
  }[key];
}

function movedCross({key, shiftKey}, from) {
  const step = shiftKey ? SHIFT * NUDGE : NUDGE;
  const by = {ArrowUp: [0, step], ArrowDown: [0, -step], ArrowRight: [step, 0], ArrowLeft: [-step, 0]}[key];
  return by?.map((value, i) => Math.min(EXTENT, Math.max(-EXTENT, from[i] + value)));
}

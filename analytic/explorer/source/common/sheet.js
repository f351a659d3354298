/* A canvas that keeps its size in the page, draws once per frame, and tells where a pointer is. */

export class Sheet {
  /** `paint(context, width, height)` draws in CSS pixels. */
  constructor(canvas, paint) {
    this.canvas = canvas;
    this.paint = paint;
    this.context = canvas.getContext("2d");
    this.observer = new ResizeObserver(() => this.redraw());
    this.observer.observe(canvas);
  }

  /** Draws before the next frame. */
  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.draw();
    });
  }

  /** Draws at once. */
  draw() {
    const {clientWidth: width, clientHeight: height} = this.canvas;
    if (!width || !height) return;
    const scale = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
    if (this.canvas.width !== w || this.canvas.height !== h) [this.canvas.width, this.canvas.height] = [w, h];
    this.context.setTransform(w / width, 0, 0, h / height, 0, 0);
    this.context.clearRect(0, 0, width, height);
    this.paint(this.context, width, height);
  }

  /** A pointer's place in CSS pixels from the canvas's corner. */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  destroy() {
    this.observer.disconnect();
    if (this.frame !== undefined) cancelAnimationFrame(this.frame);
  }
}

/** Ink and ground of the page as it is now, dark or light. */
export function inks() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {ink: of("ink"), quiet: of("quiet"), ground: of("ground"), line: of("line"), accent: of("accent")};
}

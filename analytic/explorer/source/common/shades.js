/* Colours as numbers from 0 to 255. */

/** The colour at t in [0, 1] among `count` equally spaced ones, as packed RGBA for an image; a table of 256. */
export function table({values, shape: [count]}) {
  const colors = new Uint32Array(256);
  for (let k = 0; k < 256; k++) {
    const place = (k / 255) * (count - 1);
    const low = Math.min(count - 2, Math.floor(place));
    const channel = (c) =>
      Math.round(values[3 * low + c] + (place - low) * (values[3 * low + 3 + c] - values[3 * low + c]));
    colors[k] = packed(channel(0), channel(1), channel(2), 255);
  }
  return colors;
}

/** One pixel of an image. */
export function packed(red, green, blue, alpha) {
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** Red, green and blue of "#rrggbb". */
export function channels(text) {
  return [1, 3, 5].map((k) => parseInt(text.slice(k, k + 2), 16));
}

/** A colour mixed with white. */
export function paler(text, white) {
  return `#${channels(text)
    .map((c) =>
      Math.round(c + white * (255 - c))
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
}

/** An image of packed pixels as a canvas of its own size. */
export function picture(pixels, width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, height), 0, 0);
  return canvas;
}

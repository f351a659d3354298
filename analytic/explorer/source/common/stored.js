/* What Python has stored in the page: see explorer/packing.py. */

const TYPES = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
};

/** The tree stored under a name; an array is {values, shape}. */
export async function stored(name) {
  const text = document.querySelector(`script[data-stored="${name}"]`).textContent;
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return unpacked(await new Response(stream).arrayBuffer());
}

/** The tree in uncompressed bytes. */
export function unpacked(buffer) {
  const start = 8 + new DataView(buffer).getUint32(0, true);
  const array = ([type, shape, offset]) => ({
    shape,
    values: new TYPES[type](
      buffer,
      start + offset,
      shape.reduce((count, size) => count * size, 1),
    ),
  });
  const header = new TextDecoder().decode(new Uint8Array(buffer, 8, start - 8));
  return JSON.parse(header, (_, node) => (node?.array ? array(node.array) : node));
}

"use strict";
// What pack.py has written, and pictures as pages show them.

async function gunzip(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const fromBase64 = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));

// IEEE 754's half precision, by its 16 bits.
function half(bits) {
  const [exponent, fraction] = [bits >> 10 & 31, bits & 1023];
  const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
  return bits & 0x8000 ? -size : size;
}

// The manifest, and of each run its weights, name → {shape, values}.
// Bytes: the length of the manifest, it, the upper bytes of all float16 numbers, and the lower ones.
function unpack(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const manifest = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const table = Float32Array.from({length: 65536}, (_, bits) => half(bits));
  const upper = bytes.subarray(4 + length), lower = upper.subarray(upper.length / 2);
  let at = 0;
  const weights = manifest.runs.map(run => Object.fromEntries(Object.entries(run.weights).map(([name, shape]) => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (let i = 0; i < values.length; i++, at++) values[i] = table[upper[at] << 8 | lower[at]];
    return [name, {shape, values}];
  })));
  for (const run of manifest.runs) run.tables = tables(manifest.tables[run.schedule]);
  return {manifest, weights};
}

// Rows by the names of what is in them: {sampler: {steps: [row]}}.
function tables(packed) {
  const named = ([t, alpha, sigma, level, fresh, ...weights]) => ({
    t, alpha, sigma, level, fresh, x0: weights.slice(0, weights.length / 2), eps: weights.slice(weights.length / 2),
  });
  return Object.fromEntries(Object.entries(packed ?? {}).map(([sampler, bySteps]) =>
    [sampler, Object.fromEntries(Object.entries(bySteps).map(([steps, rows]) => [steps, rows.map(named)]))]));
}

// Floats [n, H, W, C] in [-1, 1] → bytes [n, h, w, C] without the padding, as `to_uint8` of pixels.py.
function toBytes(images, [H, W, C], [h, w]) {
  const n = images.length / (H * W * C), bytes = new Uint8ClampedArray(n * h * w * C);
  const [top, left] = [H - h >> 1, W - w >> 1];
  for (let i = 0, to = 0; i < n * h; i++) {
    const from = ((Math.floor(i / h) * H + i % h + top) * W + left) * C;
    for (let j = 0; j < w * C; j++) bytes[to++] = (images[from + j] + 1) * 127.5;
  }
  return bytes;
}

// And back: bytes [n, h, w, C] → floats, padded by the border.
function toFloats(bytes, [H, W, C], [h, w]) {
  const images = new Float32Array(bytes.length / (h * w * C) * H * W * C);
  const inner = (i, size, wide) => Math.min(size - 1, Math.max(0, i - (wide - size >> 1)));
  for (let i = 0; i < images.length; i++) {
    const pixel = Math.floor(i / C), image = Math.floor(pixel / (H * W));
    const from = (image * h + inner(Math.floor(pixel / W) % H, h, H)) * w + inner(pixel % W, w, W);
    images[i] = bytes[from * C + i % C] / 127.5 - 1;
  }
  return images;
}

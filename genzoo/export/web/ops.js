"use strict";
// What a network is made of, in plain JavaScript: slow, and the oracle that tests hold engine.c to.
//
// A tensor is whatever `room(length)` gives; `view` shows its numbers, a Float32Array, until more room is taken.
// Images are [n, H, W, C]. What was taken since `mark()` is given back by `release(mark)`.

const LANES = 8;

function plainOps() {
  return {
    room: length => ({numbers: new Float32Array(length)}),
    view: tensor => tensor.numbers,
    mark: () => null,
    release: () => {},

    // values: [k, k, C, D], bias: [D] → what `conv` takes.
    kernel: (values, bias, k, C, D) => ({values, bias, k, C, D}),

    // y = convolution of x, which has a border of zeros of k >> 1 pixels, plus bias, plus add where there is one.
    conv({numbers: x}, {values, bias, k, C, D}, add, {numbers: y}, n, H, W) {
      const wide = W + k - 1, high = H + k - 1;
      for (let i = 0, at = 0; i < n * H * W; i++)
        for (let d = 0; d < D; d++, at++) {
          const column = i % W, row = Math.floor(i / W) % H, image = Math.floor(i / (H * W));
          let sum = bias[d] + (add ? add.numbers[at] : 0);
          for (let tap = 0; tap < k * k; tap++) {
            const from = ((image * high + row + Math.floor(tap / k)) * wide + column + tap % k) * C;
            for (let c = 0; c < C; c++) sum += x[from + c] * values[(tap * C + c) * D + d];
          }
          y[at] = sum;
        }
    },

    // sums [n, 2, C]: over the pixels of x, and of its squares.
    moments({numbers: x}, {numbers: sums}, n, pixels, C) {
      sums.fill(0);
      for (let i = 0; i < n * pixels * C; i++) {
        const at = Math.floor(i / (pixels * C)) * 2 * C + i % C;
        sums[at] += x[i];
        sums[at + C] += x[i] ** 2;
      }
    },

    // y = silu(gain x + shift) inside a border of `pad` zeros; gain, shift: [n, C].
    activate({numbers: x}, {numbers: gain}, {numbers: shift}, {numbers: y}, n, H, W, C, pad) {
      y.fill(0);
      for (let i = 0; i < n * H * W * C; i++) {
        const c = i % C, pixel = Math.floor(i / C), image = Math.floor(pixel / (H * W));
        const z = gain[image * C + c] * x[i] + shift[image * C + c];
        const row = image * (H + 2 * pad) + Math.floor(pixel / W) % H + pad;
        y[(row * (W + 2 * pad) + pixel % W + pad) * C + c] = z / (1 + Math.exp(-z));
      }
    },
  };
}

// The same by engine.wasm, given its bytes. A tensor is {at, length}, a place in the module's memory.
async function wasmOps(bytes) {
  const {conv, moments, activate, memory, __heap_base: base} = (await WebAssembly.instantiate(bytes)).instance.exports;
  const page = 65536;
  let top = base.value;

  function room(length) {
    const tensor = {at: top, length};
    top += Math.ceil(length / 4) * 16;
    const missing = top - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(Math.max(missing / page, 64)));
    return tensor;
  }
  const view = ({at, length}) => new Float32Array(memory.buffer, at, length);

  return {
    room, view,
    mark: () => top,
    release: mark => { top = mark; },

    kernel(values, bias, k, C, D) {
      const wide = Math.ceil(D / LANES) * LANES, [packed, biases] = [room(k * k * C * wide), room(wide)];
      const numbers = view(packed).fill(0);
      for (let row = 0; row < k * k * C; row++)
        for (let d = 0; d < D; d++)
          numbers[((d - d % LANES) * k * k * C) + row * LANES + d % LANES] = values[row * D + d];
      view(biases).fill(0).set(bias);
      return {packed, biases, k, C, D};
    },
    conv: (x, {packed, biases, k, C, D}, add, y, n, H, W) =>
      conv(x.at, packed.at, biases.at, add ? add.at : 0, y.at, n, H, W, C, D, k),
    moments: (x, sums, n, pixels, C) => moments(x.at, sums.at, n, pixels, C),
    activate: (x, gain, shift, y, n, H, W, C, pad) => activate(x.at, gain.at, shift.at, y.at, n, H, W, C, pad),
  };
}

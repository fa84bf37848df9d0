"use strict";
// The networks of genzoo/networks, computed by the operations of ops.js. Images are [n, H, W, C], as in Python.

// A network's layers by the names of their weights.      weights: name → {shape, values}.
class Network {
  constructor(ops, weights, imageShape) {
    this.ops = ops;
    this.weights = weights;
    this.imageShape = imageShape;
    this.kernels = new Map();
  }

  has(name) { return `${name}.kernel` in this.weights; }

  count(name) {
    let i = 0;
    while (Object.keys(this.weights).some(weight => weight.startsWith(`${name}.${i}.`))) i++;
    return i;
  }

  // The kernel of a convolution or of a dense layer, made ready when it is first needed, to stay.
  kernel(name) {
    if (!this.kernels.has(name)) {
      const {shape, values} = this.weights[`${name}.kernel`], [C, D] = shape.slice(-2);
      const bias = this.weights[`${name}.bias`]?.values ?? new Float32Array(D);
      this.kernels.set(name, this.ops.kernel(values, bias, shape.length === 4 ? shape[0] : 1, C, D));
    }
    return this.kernels.get(name);
  }

  tensor(numbers) {
    const tensor = this.ops.room(numbers.length);
    this.ops.view(tensor).set(numbers);
    return tensor;
  }

  conv(name, x, n, H, W, add = null) {
    const kernel = this.kernel(name), y = this.ops.room(n * H * W * kernel.D);
    this.ops.conv(x, kernel, add, y, n, H, W);
    return y;
  }

  dense(name, x, rows) { return this.conv(name, x, 1, 1, rows); }

  // silu(gain x + shift), in a border where a convolution of 3×3 follows; gain, shift: [n, C], or null for x itself.
  activate(x, n, H, W, C, pad = 0, gain = null, shift = null) {
    const y = this.ops.room(n * (H + 2 * pad) * (W + 2 * pad) * C);
    gain ??= new Float32Array(n * C).fill(1);
    shift ??= new Float32Array(n * C);
    this.ops.activate(x, this.tensor(gain), this.tensor(shift), y, n, H, W, C, pad);
    return y;
  }

  // `modulated_norm` of blocks.py, then silu. modulation: [n, 2 C], scale and shift of each image.
  normalised(x, n, H, W, C, modulation, pad) {
    const sums = this.ops.room(n * 2 * C), groups = gcd(C, Math.max(1, Math.min(8, Math.floor(C / 8))));
    this.ops.moments(x, sums, n, H * W, C);
    const totals = this.ops.view(sums), size = C / groups;
    const [gain, shift] = [new Float32Array(n * C), new Float32Array(n * C)];
    for (let i = 0; i < n; i++)
      for (let group = 0; group < C; group += size) {
        let [mean, square] = [0, 0];
        for (let c = group; c < group + size; c++) {
          mean += totals[i * 2 * C + c] / (H * W * size);
          square += totals[i * 2 * C + C + c] / (H * W * size);
        }
        const scale = 1 / Math.sqrt(Math.max(square - mean ** 2, 0) + 1e-3);
        for (let c = group; c < group + size; c++) {
          gain[i * C + c] = (1 + modulation[i * 2 * C + c]) * scale;
          shift[i * C + c] = modulation[i * 2 * C + C + c] - mean * gain[i * C + c];
        }
      }
    return this.activate(x, n, H, W, C, pad, gain, shift);
  }

  // The learned gain and bias of a norm, as a modulation of n images.
  learned(name, n) {
    const row = [...this.weights[`${name}.gamma`].values.map(gamma => gamma - 1), ...this.weights[`${name}.beta`].values];
    return Float32Array.from({length: n * row.length}, (_, i) => row[i % row.length]);
  }

  // `Residual`.      emb: [n, E], or null where the norm is not modulated.
  residual(name, x, n, H, W, emb) {
    const C = this.kernel(`${name}.conv1`).D;
    const modulation = emb
      ? this.ops.view(this.dense(`${name}.scale_shift`, emb, n)).slice() : this.learned(`${name}.norm`, n);
    const h = this.conv(`${name}.conv1`, this.normalised(x, n, H, W, C, modulation, 1), n, H, W);
    return this.conv(`${name}.conv2`, this.activate(h, n, H, W, C, 1), n, H, W, x);
  }

  // p×p pixels become channels: [n, H, W, C] → [n, H/p, W/p, p p C]; `toSpace` is its inverse, of a result [n, H, W, C].
  toDepth(x, n, H, W, C, p) { return this.moved(x, n, H, W, C, p, (pixel, deep) => [deep, pixel]); }
  toSpace(x, n, H, W, C, p) { return this.moved(x, n, H, W, C, p, (pixel, deep) => [pixel, deep]); }

  moved(x, n, H, W, C, p, places) {
    const y = this.ops.room(n * H * W * C), [to, from] = [this.ops.view(y), this.ops.view(x)];
    for (let row = 0, pixel = 0; row < n * H; row++)
      for (let column = 0; column < W; column++, pixel += C) {
        const block = Math.floor(row / p) * (W / p) + Math.floor(column / p);
        const [at, source] = places(pixel, (block * p * p + row % p * p + column % p) * C);
        for (let c = 0; c < C; c++) to[at + c] = from[source + c];
      }
    return y;
  }

  up(name, x, n, H, W) {
    const C = this.kernel(`${name}.conv`).D / 4;
    return this.toSpace(this.conv(`${name}.conv`, x, n, H / 2, W / 2), n, H, W, C, 2);
  }

  sum(a, b) {
    const [x, y] = [this.ops.view(a), this.ops.view(b)];
    for (let i = 0; i < x.length; i++) x[i] += y[i];
    return a;
  }

  // Two maps with their channels side by side.
  beside(a, A, b, B) {
    const pixels = this.ops.view(a).length / A, y = this.ops.room(pixels * (A + B));
    const [to, first, second] = [y, a, b].map(this.ops.view);
    for (let i = 0; i < pixels; i++) {
      to.set(first.subarray(i * A, (i + 1) * A), i * (A + B));
      to.set(second.subarray(i * B, (i + 1) * B), i * (A + B) + A);
    }
    return y;
  }

  // Gives back all that `compute` took but the kernels, which must be there before.
  within(compute) {
    const mark = this.ops.mark();
    const result = this.ops.view(compute()).slice();
    this.ops.release(mark);
    return result;
  }

  // Prepares all kernels: none is then taken within `within`.
  prepare() {
    for (const name of Object.keys(this.weights)) if (name.endsWith(".kernel")) this.kernel(name.slice(0, -7));
    return this;
  }
}

const gcd = (a, b) => b ? gcd(b, a % b) : a;

// The U-Net of unet.py: (x [n, H, W, C], time from 0 to 1000, labels [n, classes + 1]) → [n, H, W, C].
// A row of labels has a 1 at the label; shares of several are in between them.      labels: null where it knows none.
class UNet extends Network {
  call(images, time, labels) {
    const [H, W, C] = this.imageShape, n = images.length / (H * W * C);
    return this.within(() => {
      const emb = this.embedding(time, labels, n), levels = 1 + this.count("downs");
      const depth = this.count("down_blocks") / levels;
      const p = Math.sqrt(this.kernel("stem").C / C);
      const x = this.tensor(images), pixels = this.toDepth(x, n, H, W, C, p);
      const skips = [];
      const through = (blocks, level, h, side) => {
        for (let i = level * depth; i < (level + 1) * depth; i++)
          h = this.residual(`${blocks}.${i}`, h, n, H / side, W / side, emb);
        return h;
      };

      let side = p, h = through("down_blocks", 0, this.conv("stem", pixels, n, H / p, W / p), side);
      for (let level = 1; level < levels; level++) {
        skips.push(h);
        const deep = this.toDepth(h, n, H / side, W / side, this.kernel(`downs.${level - 1}.conv`).C / 4, 2);
        side *= 2;
        h = through("down_blocks", level, this.conv(`downs.${level - 1}.conv`, deep, n, H / side, W / side), side);
      }
      h = through("up_blocks", 0, h, side);
      for (let level = 1; level < levels; level++) {
        side /= 2;
        h = this.sum(this.up(`ups.${level - 1}`, h, n, H / side, W / side), skips.pop());
        h = through("up_blocks", level, h, side);
      }
      const wide = this.kernel("stem").D;
      h = this.normalised(h, n, H / p, W / p, wide, this.learned("norm", n), 0);
      if (!this.has("gain")) h = this.beside(h, wide, pixels, p * p * C);
      const y = this.toSpace(this.conv("head", h, n, H / p, W / p), n, H, W, C, p);
      return this.has("gain") ? this.plusGained(y, this.dense("gain", emb, n), images, C) : y;
    });
  }

  embedding(time, labels, n) {
    const F = this.kernel("time_embedding.dense").C / 2;
    const rate = i => Math.fround(Math.exp(Math.fround(Math.fround(-Math.log(10000)) * i) / F));
    const angles = Float32Array.from({length: F}, (_, i) => Math.fround(time) * rate(i));
    const row = [...angles.map(Math.sin), ...angles.map(Math.cos)];
    const waves = Float32Array.from({length: n * 2 * F}, (_, i) => row[i % (2 * F)]);
    let emb = this.dense("time_embedding.dense", this.tensor(waves), n);
    if (labels) emb = this.sum(emb, this.dense("label_embedding.dense", this.tensor(labels), n));
    const E = this.kernel("embedding").D, flat = x => this.activate(x, n, 1, 1, E);
    return flat(this.dense("embedding", flat(emb), n));
  }

  plusGained(y, gains, images, C) {
    const [sum, gain] = [this.ops.view(y), this.ops.view(gains)], size = images.length / (gain.length / C);
    for (let i = 0; i < sum.length; i++) sum[i] += gain[Math.floor(i / size) * C + i % C] * images[i];
    return y;
  }
}

// The decoder of encoder_decoder.py: (z [n, D], labels [n, classes] or null) → [n, H, W, C].
class Decoder extends Network {
  call(z, labels, n) {
    const [H, W, C] = this.imageShape, levels = this.count("blocks");
    return this.within(() => {
      let x = this.tensor(z);
      if (labels) {
        const vectors = this.dense("label_embedding.dense", this.tensor(labels), n);
        x = this.beside(x, z.length / n, vectors, this.kernel("label_embedding.dense").D);
      }
      let side = 2 ** levels;
      x = this.residual("blocks.0", this.dense("dense", x, n), n, H / side, W / side, null);
      for (let level = 1; level < levels; level++) {
        side /= 2;
        x = this.up(`ups.${level - 1}`, x, n, H / side, W / side);
        x = this.residual(`blocks.${level}`, x, n, H / side, W / side, null);
      }
      x = this.activate(x, n, H / 2, W / 2, this.kernel(`blocks.${levels - 1}.conv1`).D);
      return this.toSpace(this.conv("head", x, n, H / 2, W / 2), n, H, W, C, 2);
    });
  }
}

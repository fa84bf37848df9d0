"use strict";
// How models sample: what genzoo/models does, in the same order, so that one seed gives one picture.
//
// A way of sampling is a generator: it yields {x, guess, done, total} after each step, the images as they are by then
// and those that the model expects at the end, Float32Array [n, H, W, C], and where it is in network evaluations.

// Labels as rows [n, count] with a 1 at the label; null where the model knows none.
function oneHot(labels, count) {
  if (!count) return null;
  const rows = new Float32Array(labels.length * count);
  labels.forEach((label, i) => { rows[i * count + label] = 1; });
  return rows;
}

function joined(a, b) {
  const both = new Float32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

const clip = value => Math.min(1, Math.max(-1, value));
const mapped = (values, f) => Float32Array.from(values, f);

// What diffusion models and blend share.      run: a run of the page's manifest.   weights: name → {shape, values}.
class Guided {
  constructor(ops, run, weights) {
    Object.assign(this, {run, weights, size: run.image_shape.reduce((a, b) => a * b)});
    this.network = new UNet(ops, inside("ema.", weights), run.image_shape).prepare();
  }

  start(n, seed) { return {x: normal(n * this.size, seed, 0, START), labels: null}; }

  // The labels to draw, as rows: those of the data as asked, or groups drawn as often as they have training images.
  labels(asked, seed) {
    const count = this.run.labels;
    if (!this.run.invents) return oneHot(asked, count && count + 1);
    const shares = this.weights.cluster_shares.values, ends = [];
    shares.reduce((sum, share) => (ends.push(sum + share), sum + share), 0);
    const group = u => ends.slice(0, -1).filter(end => end <= u * ends.at(-1)).length;
    const groups = [...uniform(asked.length, seed, 0, DROP)].map(u => ends.at(-1) ? group(u) : 0);
    return oneHot(groups, count + 1);
  }

  // Whether guidance acts at a noise level σ/α.
  acts(level) {
    const [low, high] = this.run.interval ?? [-Infinity, Infinity];
    return this.run.labels > 0 && level > low && level <= high;
  }

  // `Guided.guided`: weak + scale (good - weak), good with labels and weak without.
  guided(predict, x, labels, scale) {
    if (!labels) return predict(x, null);
    const count = this.run.labels + 1, nobody = oneHot(Array(labels.length / count).fill(count - 1), count);
    if (scale === 0 || scale === 1) return predict(x, scale ? labels : nobody);
    const both = predict(joined(x, x), joined(labels, nobody)), half = x.length;
    return mapped(both.subarray(0, half), (good, i) => both[half + i] + scale * (good - both[half + i]));
  }
}

const cost = scale => scale === 0 || scale === 1 ? 1 : 2;

class Diffusion extends Guided {
  rows(sampler, steps) { return this.run.tables[sampler][steps]; }

  // Walks x along rows of a sampler's table, as DDPM._loop.      everywhere: guide at each noise level.
  // keep(x, next): returns the x to go on with, which stands where the row `next` begins, undefined at the image.
  *walk(x, labels, rows, {guidance, seed, everywhere = false, keep = x => x}) {
    const scales = rows.map(row => this.run.labels && everywhere || this.acts(row.level) ? guidance : 1);
    const total = scales.reduce((sum, scale) => sum + cost(scale), 0);
    let done = 0, [images, noises] = [[], []];
    for (const [i, {t, alpha, sigma, x0, eps, fresh}] of rows.entries()) {
      const time = Math.fround(t * Math.fround(1000 / this.run.diffusion_steps));
      const output = this.guided((x, labels) => this.network.call(x, time, labels), x, labels, scales[i]);
      const read = {
        v: (o, j) => alpha * x[j] - sigma * o, eps: (o, j) => (x[j] - sigma * o) / alpha, x0: o => o,
      }[this.run.predict];
      const guess = mapped(output, (o, j) => clip(read(o, j))), before = x;
      images = [guess, ...images].slice(0, x0.length);
      noises = [mapped(guess, (g, j) => (before[j] - alpha * g) / sigma), ...noises].slice(0, eps.length);
      const z = fresh > 0 ? normal(x.length, seed, i, NOISE) : null;
      x = new Float32Array(before.length);
      const add = (values, weight) => { if (weight) for (let j = 0; j < x.length; j++) x[j] += weight * values[j]; };
      images.forEach((values, j) => add(values, x0[j]));
      noises.forEach((values, j) => add(values, eps[j]));
      if (z) add(z, fresh);
      x = keep(x, rows[i + 1]);
      done += cost(scales[i]);
      yield {x, guess, done, total};
    }
  }

  *sample(start, labels, {sampler, steps, guidance, seed}) {
    yield* this.walk(start.x, labels, this.rows(sampler, steps), {guidance, seed});
  }

  // The images at the place where a row begins, undefined being the image: `Editing._noised`.
  noised(images, row, seed, number) {
    const {alpha, sigma} = row ?? {alpha: 1, sigma: 0}, noise = normal(images.length, seed, number, START);
    return mapped(images, (value, i) => alpha * value + sigma * noise[i]);
  }

  // `Editing.img2img`: the images, noised to `strength` of the way, then denoised.
  *redraw(images, asked, {guidance, seed, strength, edit}) {
    const all = this.rows(edit.sampler, edit.steps), rows = all.slice(-Math.max(1, halfEven(strength * all.length)));
    const labels = this.labelsOf(images, asked);
    yield* this.walk(this.noised(images, rows[0], seed, 0), labels, rows, {guidance, seed, everywhere: true});
  }

  // `Editing.inpaint`: the part where mask [H, W] is 1 made anew.
  *fill(images, mask, asked, {guidance, seed, fill}) {
    const rows = this.rows(fill.sampler, fill.steps), C = this.run.image_shape[2];
    const made = i => mask[Math.floor(i % this.size / C)];
    const keep = (x, next) => {
      const known = this.noised(images, next, seed, (next?.t ?? -1) + 2);
      return mapped(x, (value, i) => made(i) ? value : known[i]);
    };
    const labels = this.labelsOf(images, asked, i => made(i) ? 0 : 1);
    const start = this.noised(images, rows[0], seed, 0);
    yield* this.walk(start, labels, rows, {guidance, seed, everywhere: true, keep});
  }

  // The labels that the network is told of given images: groups of its own by the nearest centre, `clusters.nearest`.
  labelsOf(images, asked, seen = () => 1) {
    if (!this.run.invents) return this.labels(asked, 0);
    const centres = this.weights.cluster_centres.values, count = this.run.labels, nearest = [];
    for (let image = 0; image < images.length; image += this.size) {
      const distances = Array(count).fill(0);
      for (let k = 0; k < count; k++)
        for (let i = 0; i < this.size; i++)
          if (seen(i)) distances[k] += (images[image + i] - centres[k * this.size + i]) ** 2;
      nearest.push(distances.indexOf(Math.min(...distances)));
    }
    return oneHot(nearest, count + 1);
  }
}

// Rounds as Python does, halves to even numbers.
const halfEven = value => value % 1 === 0.5 ? 2 * Math.round(value / 2) : Math.round(value);

class Blend extends Guided {
  *sample(start, labels, {steps, guidance}) {
    let {x} = start, amount = 1, done = 0;
    const shares = Array.from({length: steps}, (_, i) => 1 / (steps - i));
    const levels = shares.map(share => { const a = amount; amount *= 1 - share; return a; });
    const scales = levels.map(a => this.acts(a / (1 - a)) ? guidance : 1);
    const total = scales.reduce((sum, scale) => sum + cost(scale), 0);
    for (const [i, share] of shares.entries()) {
      const time = Math.fround(1000 * Math.fround(levels[i]));
      const predict = (x, labels) => this.network.call(x, time, labels).map((change, j) => x[j] + change);
      const guess = this.guided(predict, x, labels, scales[i]);
      x = mapped(x, (value, j) => value + Math.fround(share) * (guess[j] - value));
      yield {x, guess, done: done += cost(scales[i]), total};
    }
  }
}

// AE, VAE and CVAE, of which only the decoder is here.
class Latent {
  constructor(ops, run, weights) {
    Object.assign(this, {run, weights, size: run.image_shape.reduce((a, b) => a * b)});
    this.network = new Decoder(ops, inside("ema.decoder.", weights), run.image_shape).prepare();
  }

  // Latents, [n, D]: draws from the mixture of each label as `mixture.draw`, or from N(0, I).
  start(n, seed, {asked, prior}) {
    const D = this.run.latent_dim, z = normal(n * D, seed, 0, LATENT);
    const [shares, means, factors] = ["shares", "means", "factors"].map(name => this.weights[`mixture.${name}`]);
    if (prior === "normal") return {x: z};
    const K = shares.shape[1], u = uniform(n, seed, 0, TIME), x = new Float32Array(n * D);
    for (let i = 0; i < n; i++) {
      const label = this.run.labels ? asked[i] : 0;
      let k = 0;
      for (let j = 0, end = 0; j < K - 1; j++) if (u[i] >= (end = Math.fround(end + shares.values[label * K + j]))) k++;
      const at = label * K + k;
      for (let row = 0; row < D; row++) {
        let sum = means.values[at * D + row];
        for (let j = 0; j < D; j++) sum += factors.values[(at * D + row) * D + j] * z[i * D + j];
        x[i * D + row] = sum;
      }
    }
    return {x};
  }

  labels(asked) { return oneHot(asked, this.run.labels); }

  *sample(start, labels) {
    const x = this.network.call(start.x, labels, start.x.length / this.run.latent_dim).map(clip);
    yield {x, guess: x, done: 1, total: 1};
  }
}

const inside = (prefix, weights) => Object.fromEntries(Object.entries(weights)
  .filter(([name]) => name.startsWith(prefix)).map(([name, weight]) => [name.slice(prefix.length), weight]));

const KINDS = {diffusion: Diffusion, blend: Blend, latent: Latent};
const straight = (a, b, u) => mapped(a, (value, i) => (1 - u) * value + u * b[i]);

// `editing.slerp`: the great circle between two noises, since the straight line leads through shorter ones.
function slerp(a, b, u) {
  const dot = (p, q) => p.reduce((sum, value, i) => sum + value * q[i], 0);
  const angle = Math.acos(clip(dot(a, b) / Math.max(Math.sqrt(dot(a, a) * dot(b, b)), 1e-12))), sine = Math.sin(angle);
  if (sine < 1e-6) return straight(a, b, u);
  return mapped(a, (value, i) => (Math.sin((1 - u) * angle) * value + Math.sin(u * angle) * b[i]) / sine);
}

"use strict";
// genzoo/rng.py again: TensorFlow's stateless random numbers, so that one seed gives one picture here too.

const STREAMS = 8, NOISE = 0, TIME = 1, DROP = 2, LATENT = 3, START = 4;

// The upper half of a product of two words of 32 bits.
function upper(a, b) {
  const low = (a & 0xffff) * (b & 0xffff), mid = (a >>> 16) * (b & 0xffff) + (low >>> 16);
  return (a >>> 16) * (b >>> 16) + (mid >>> 16) + (((a & 0xffff) * (b >>> 16) + (mid & 0xffff)) >>> 16);
}

// Philox 4x32 of 10 rounds (Salmon et al. 2011): four words for a counter of four and a key of two.
function philox([a, b, c, d], [k, l]) {
  for (let round = 0; round < 10; round++) {
    [a, b, c, d] = [upper(0xCD9E8D57, c) ^ b ^ k, Math.imul(0xCD9E8D57, c),
                    upper(0xD2511F53, a) ^ d ^ l, Math.imul(0xD2511F53, a)];
    [k, l] = [k + 0x9E3779B9 | 0, l + 0xBB67AE85 | 0];
  }
  return [a >>> 0, b >>> 0, c >>> 0, d >>> 0];
}

// `count` words, a function of (seed, step, stream) as in genzoo.rng; seeds are integers from 0 to 2^53.
function words(count, seed, step, stream) {
  const halves = number => [number >>> 0, Math.floor(number / 2 ** 32)];
  const mixed = philox([...halves(seed), ...halves(step * STREAMS + stream)], [0x3ec8f720, 0x02461e29]);
  const found = new Uint32Array(Math.ceil(count / 4) * 4);
  for (let i = 0; i < found.length; i += 4) found.set(philox([i / 4, 0, mixed[2], mixed[3]], mixed), i);
  return found.subarray(0, count);
}

// Uniform in [0, 1): the upper bits of a word would do as well; TensorFlow takes the lower 23.
function uniform(count, seed, step, stream) {
  return Float32Array.from(words(count, seed, step, stream), word => (word & 0x7fffff) / 2 ** 23);
}

// Standard normal, by Box and Muller's transform of two uniform numbers into two normal ones.
function normal(count, seed, step, stream) {
  const u = uniform(count + count % 2, seed, step, stream), found = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(Math.max(u[i], 1e-7))), angle = 2 * Math.PI * u[i + 1];
    found[i] = radius * Math.sin(angle);
    if (i + 1 < count) found[i + 1] = radius * Math.cos(angle);
  }
  return found;
}

"use strict";
// Draws beside the page's own thread.      In: {wasm, packed} once, then {slot, task, …}; a new task of a slot ends its
// former one.      Out: {ready, manifest, seconds}, then {slot, x, guess, done, total, seconds, last} after each step.

const FRAMES = 60; // of a way that are shown at most

let models = [];
const ways = new Map(); // slot → what is going on in it
const turn = new MessageChannel(); // between two steps, messages of the page come in
turn.port1.onmessage = advance;

// The tasks: generators as in sampling.js, after {x} at the start.
const TASKS = {
  *sample(model, {asked, options}) {
    const start = model.start(asked.length, options.seed, {asked, prior: options.prior});
    if (model.run.kind !== "latent") yield {x: start.x, guess: start.x, done: 0, total: 1};
    yield* model.sample(start, model.labels(asked, options.seed), options);
  },

  // Pictures between two, whose labels and seeds are [from, to].
  *walk(model, {asked, seeds, count, options}) {
    const [a, b] = asked.map((label, i) => ({
      x: model.start(1, seeds[i], {asked: [label], prior: options.prior}).x, labels: model.labels([label], seeds[i]),
    }));
    const curve = model.run.kind === "latent" ? straight : slerp;
    const places = Array.from({length: count}, (_, i) => i / (count - 1));
    const x = joinedAll(places.map(u => curve(a.x, b.x, u)));
    const labels = a.labels && joinedAll(places.map(u => straight(a.labels, b.labels, u)));
    yield* model.sample({x}, labels, {...options, seed: seeds[0]});
  },

  // Pictures at places [u, v] of the plane through three draws of latents.
  *plane(model, {asked, places, options}) {
    const corners = model.start(3, options.seed, {asked: [asked, asked, asked], prior: options.prior}).x;
    const D = corners.length / 3;
    const at = ([u, v]) => Float32Array.from({length: D}, (_, i) =>
      corners[i] + u * (corners[D + i] - corners[i]) + v * (corners[2 * D + i] - corners[i]));
    const labels = model.labels(places.map(() => asked));
    yield* model.sample({x: joinedAll(places.map(at))}, labels, options);
  },

  *redraw(model, {pixels, asked, options}) { yield* model.redraw(given(model, pixels), asked, options); },

  *fill(model, {pixels, mask, asked, options}) {
    const {image_shape: [H, W], native_shape} = model.run;
    const made = toFloats(mask, [H, W, 1], native_shape).map(value => value > 0 ? 1 : 0);
    yield* model.fill(given(model, pixels), made, asked, options);
  },
};

const given = (model, pixels) => toFloats(pixels, model.run.image_shape, model.run.native_shape);
const joinedAll = parts => parts.reduce(joined);

function advance() {
  const [[slot, way]] = ways;
  ways.delete(slot); // to the end of the queue: several take turns
  const began = performance.now();
  try {
    const {value, done} = way.steps.next();
    if (done) return;
    way.seconds += (performance.now() - began) / 1000;
    way.count++;
    ways.set(slot, way);
    const last = value.done === value.total;
    if (last || !way.count || way.count % Math.ceil((value.total + 1) / FRAMES) === 0) tell(slot, way, value, last);
  } catch (error) {
    postMessage({slot, error: String(error)});
  } finally {
    if (ways.size) turn.port2.postMessage(null);
  }
}

function tell(slot, {model, seconds}, {x, guess, done, total}, last) {
  const bytes = images => toBytes(images, model.run.image_shape, model.run.native_shape);
  postMessage({slot, x: bytes(x), guess: bytes(guess), done, total, seconds, last});
}

onmessage = async ({data}) => {
  if (data.packed) return boot(data);
  const model = models[data.run], idle = !ways.size;
  ways.delete(data.slot);
  ways.set(data.slot, {model, steps: TASKS[data.task](model, data), seconds: 0, count: -1});
  if (idle) turn.port2.postMessage(null);
};

async function boot({wasm, packed}) {
  try {
    const {ops, slow} = await engine(fromBase64(wasm)), {manifest, weights} = unpack(await gunzip(fromBase64(packed)));
    models = manifest.runs.map((run, i) => new KINDS[run.kind](ops, run, weights[i]));
    postMessage({ready: true, manifest, slow});
  } catch (error) {
    postMessage({error: String(error)});
  }
}

// The fast engine, or where a browser has none, the slow one.
async function engine(bytes) {
  try {
    return {ops: await wasmOps(bytes), slow: false};
  } catch {
    return {ops: plainOps(), slow: true};
  }
}

"use strict";
// Runs under node what a page computes.      node check.js PACK WASM < tasks.json > answers.json
//
// tasks: {engine: "wasm" or "plain", tasks: [{run, kind, …}]}, see below; arrays of numbers are base64 of float32.
// The answer to each task: {numbers, seconds}.

const fs = require("fs"), path = require("path"), vm = require("vm");

const SOURCES = ["random.js", "ops.js", "engine.js", "sampling.js", "pack.js"];
const sources = SOURCES.map(name => fs.readFileSync(path.join(__dirname, name), "utf8"));
const library = vm.runInThisContext(`(() => {${sources.join("\n")}
  return {normal, uniform, plainOps, wasmOps, unpack, gunzip, KINDS, slerp, oneHot};
})()`);

const floats = text => new Float32Array(Uint8Array.from(Buffer.from(text, "base64")).buffer);
const text = numbers => Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength).toString("base64");

const TASKS = {
  normal: (model, {count, seed, step, stream}) => library.normal(count, seed, step, stream),
  uniform: (model, {count, seed, step, stream}) => library.uniform(count, seed, step, stream),
  network: (model, {x, time, labels}) => model.network.call(floats(x), time, labels && floats(labels)),
  decoder: (model, {x, labels, n}) => model.network.call(floats(x), labels && floats(labels), n),
  slerp: (model, {a, b, u}) => library.slerp(floats(a), floats(b), u),
  sample(model, {asked, options}) {
    const start = model.start(asked.length, options.seed, {asked, ...options});
    return last(model.sample(start, model.labels(asked, options.seed), options));
  },
  redraw: (model, {images, asked, options}) => last(model.redraw(floats(images), asked, options)),
  fill: (model, {images, mask, asked, options}) => last(model.fill(floats(images), mask, asked, options)),
};

function last(way) {
  let end;
  for (const step of way) end = step.x;
  return end;
}

async function main([pack, wasm]) {
  const {engine, tasks} = JSON.parse(fs.readFileSync(0));
  const {manifest, weights} = library.unpack(await library.gunzip(fs.readFileSync(pack)));
  const ops = engine === "plain" ? library.plainOps() : await library.wasmOps(fs.readFileSync(wasm));
  const models = manifest.runs.map((run, i) => new library.KINDS[run.kind](ops, run, weights[i]));
  process.stdout.write(JSON.stringify(tasks.map(task => {
    const began = performance.now(), numbers = TASKS[task.kind](models[task.run ?? 0], task);
    return {numbers: text(numbers), seconds: (performance.now() - began) / 1000};
  })));
}

main(process.argv.slice(2));

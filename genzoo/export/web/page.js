"use strict";
// The page: a card for each run, all of which ask one worker to draw.

const SEEDS = 2 ** 31 - 1;
const $ = id => document.getElementById(id);

// The worker, and who hears what it says, by slot.
const listeners = new Map();
const source = new Blob([$("engine").textContent], {type: "text/javascript"});
const worker = new Worker(URL.createObjectURL(source));

// Asks for a task of worker.js; heard(answer) is called with each of its answers.
function ask(slot, message, heard) {
  listeners.set(slot, heard);
  worker.postMessage({slot, ...message});
}

// What is drawn with a run, and how: its main card.
class Card {
  constructor(run, number) {
    Object.assign(this, {run, number, frames: []});
    this.root = $(`run-${number}`);
    this.canvas = this.root.querySelector(".pictures");
    this.status = this.root.querySelector(".status");
    this.controls = this.root.querySelector(".controls");
    this.addControls();
    if (run.kind !== "latent") this.addWay();
    addPanels(this, this.root.querySelector(".panels"));
    this.controls.disabled = false;
  }

  addControls() {
    const {run} = this, {sampling} = run, classes = run.labels > 0 && !run.invents;
    const add = (name, control, label, told) => {
      this[name] = control;
      this.controls.append(field(label, control, told));
    };
    const names = run.class_names.map((name, i) => [i, name]);
    if (classes) add("label", select([["all", "all in turn"], ...names], "all"), "Picture of");
    add("count", select([[10, "10"], [30, "30"], [100, "100"]], 10), "How many");
    if (run.labels && sampling.guidance !== undefined)
      add("guidance", range(0, 6, 0.1, sampling.guidance), "Guidance", value => value);
    if (run.kind === "diffusion") {
      add("sampler", select(Object.keys(run.tables).map(name => [name, name]), sampling.sampler), "Sampler");
      this.sampler.addEventListener("change", () => this.offerSteps());
    }
    if (run.kind !== "latent") add("steps", select([], null), "Steps");
    if (sampling.prior)
      add("prior", select([["mixture", "their mixture"], ["normal", "N(0, I)"]], sampling.prior), "Latents from");
    add("seed", element("input", {type: "number", min: 0, max: SEEDS, step: 1, value: 0}), "Seed");
    this.seed.addEventListener("keydown", event => { if (event.key === "Enter") this.draw(); });
    if (this.steps) this.offerSteps();
    this.command = element("code", {});
    this.controls.append(
      element("div", {className: "row wide"},
        button("Draw", () => this.draw(), true), button("Next seed", () => this.next())),
      element("div", {className: "wide"}, this.command));
  }

  // The steps that there are for the chosen sampler: those of before if they are among them.
  offerSteps() {
    const {run, steps} = this, name = this.sampler?.value;
    const offered = run.kind === "blend" ? run.steps : Object.keys(run.tables[name]).map(Number);
    const wish = Number(steps.value) || run.sampling.steps;
    const nearest = offered.reduce((best, one) => Math.abs(one - wish) < Math.abs(best - wish) ? one : best);
    steps.replaceChildren(...select(offered.map(value => [value, value])).children);
    steps.value = nearest;
  }

  addWay() {
    this.frame = range(0, 0, 1, 0);
    this.frame.addEventListener("input", () => this.show());
    const [label, box] = tick("show what the network expects at the end", {onchange: () => this.show()});
    this.guess = box;
    const play = element("div", {className: "row"}, button("Play", () => this.play()), label);
    this.root.querySelector(".way").append(field("From noise to pictures", this.frame), play);
  }

  // From noise to pictures once more, in about two seconds.
  play() {
    clearInterval(this.playing);
    this.frame.value = 0;
    this.show();
    this.playing = setInterval(() => {
      this.frame.stepUp();
      this.show();
      if (this.frame.value === this.frame.max) clearInterval(this.playing);
    }, Math.max(50, 2000 / this.frames.length));
  }

  get options() {
    const options = {seed: this.seedNumber()};
    for (const name of ["guidance", "steps"]) if (this[name]) options[name] = Number(this[name].value);
    options.guidance ??= 1;
    if (this.sampler) options.sampler = this.sampler.value;
    if (this.run.kind === "latent") options.prior = this.prior?.value ?? "mixture";
    return options;
  }

  // A whole number within limits, whatever was typed.
  seedNumber() {
    const number = Math.min(SEEDS, Math.max(0, Math.floor(Number(this.seed.value)) || 0));
    this.seed.value = number;
    return number;
  }

  // How many pictures stand in a row: one of each class, or fewer where there is no room.
  columns(n) {
    const wide = this.label?.value === "all" ? Math.min(this.run.class_names.length, 16) : 10;
    return n <= wide && this.canvas.clientWidth < 420 ? Math.ceil(n / 2) : wide;
  }

  asked() {
    const each = this.label && this.label.value !== "all" ? Number(this.label.value) : null;
    const classes = this.label ? this.run.class_names.length : 1, rows = Number(this.count.value) / 10;
    const n = each === null && this.label ? classes * rows : Number(this.count.value);
    return Array.from({length: n}, (_, i) => each ?? i % classes);
  }

  draw() {
    const asked = this.asked();
    clearInterval(this.playing);
    this.frames = [];
    this.command.replaceChildren(...this.words(asked).flatMap(word => [element("span", {}, word), " "]));
    this.status.textContent = "Drawing …";
    const wish = {task: "sample", run: this.number, asked, options: this.options};
    ask(`draw-${this.number}`, wish, answer => this.hear(answer, asked));
  }

  next() {
    this.seed.value = (this.seedNumber() + 1) % SEEDS;
    this.draw();
  }

  hear({x, guess, done, total, seconds, last, error}, asked) {
    if (error) return this.tell(error);
    this.frames.push({x, guess, done, total});
    if (this.frame) Object.assign(this.frame, {max: this.frames.length - 1, value: this.frames.length - 1});
    this.show();
    if (!last) return;
    const each = Math.round(1000 * seconds / total), evaluations = `${total} evaluation${total > 1 ? "s" : ""}`;
    this.tell(`${asked.length} pictures by ${evaluations} of the network, ${each} ms each.`);
    this.canvas.setAttribute("aria-label", this.said(asked));
    this.canvas.dataset.done = this.seed.value;
  }

  said(asked) {
    const {class_names: names} = this.run, what = this.label?.value;
    const of = what === "all" ? `, of ${names.join(", ")} in turn` : what === undefined ? "" : ` of ${names[what]}`;
    return `${asked.length} pictures${of}, drawn from seed ${this.seed.value}`;
  }

  tell(text) { this.status.textContent = text; }

  // The frame that the slider is at.
  show() {
    const frame = this.frames[this.frame ? Number(this.frame.value) : this.frames.length - 1];
    if (!frame) return;
    const [h, w, C] = this.run.native_shape, bytes = this.guess?.checked ? frame.guess : frame.x;
    drawPictures(this.canvas, bytes, this.run.native_shape, this.columns(bytes.length / (h * w * C)));
    if (!this.frame) return;
    const text = frame.done ? `after ${frame.done} of ${frame.total} evaluations` : "pure noise";
    this.frame.setAttribute("aria-valuetext", text);
  }

  // The command that draws the same, in parts that stay on one line.
  words(asked) {
    const {run, options} = this, words = ["genzoo sample"];
    words.push(/^[\w:./-]+$/.test(run.name) ? run.name : `'${run.name}'`);
    const last = run.class_names.length - 1, times = asked.length / (this.label?.value === "all" ? last + 1 : 1);
    if (this.label) words.push(`--labels ${this.label.value === "all" ? `0-${last}` : this.label.value}x${times}`);
    else words.push(`--n ${asked.length}`);
    if (this.sampler) words.push(`--sampler ${options.sampler}`);
    if (this.steps) words.push(`--steps ${options.steps}`);
    if (this.guidance) words.push(`--guidance ${options.guidance}`);
    if (this.prior && options.prior !== "mixture") words.push(`--prior ${options.prior}`);
    return [...words, `--seed ${options.seed}`];
  }
}

let cards = [];

worker.onmessage = ({data}) => {
  if (data.ready) return begin(data);
  const heard = listeners.get(data.slot);
  if (heard) return heard(data);
  for (const status of document.querySelectorAll(".status"))
    status.textContent = `This page cannot draw here: ${data.error}`;
};
worker.onerror = event => worker.onmessage({data: {error: event.message ?? "its worker did not start"}});

function begin({manifest, slow}) {
  cards = manifest.runs.map((run, i) => new Card(run, i));
  const all = $("draw-all"), seed = $("seed-of-all");
  if (all) {
    all.disabled = false;
    all.onclick = () => cards.forEach(card => { card.seed.value = seed.value; card.draw(); });
  }
  for (const card of cards) card.draw();
  document.documentElement.dataset.ready = Math.round(performance.now());
  if (slow) console.warn("without WebAssembly the engine is some forty times slower");
}

worker.postMessage({wasm: $("wasm").textContent, packed: $("packed").textContent});

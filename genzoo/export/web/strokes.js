"use strict";
// A pad for strokes, and what a diffusion model makes of them.

// A drawing [h, w, C] in bytes, and which of its pixels are to be made anew; by pointer, or by the arrow keys and space.
class Pad {
  constructor([h, w, C], dark) {
    Object.assign(this, {h, w, C, dark, at: [w >> 1, h >> 1], down: false, tool: "pen"});
    this.canvas = element("canvas", {className: "pad", width: w, height: h, tabIndex: 0, role: "application",
      "aria-label": "Pad to draw on; the arrow keys move the pen, and space puts it down or lifts it"});
    this.clear();
    this.canvas.addEventListener("pointerdown", event => {
      this.canvas.setPointerCapture(event.pointerId);
      this.touch(event);
    });
    this.canvas.addEventListener("pointermove", event => { if (event.buttons) for (const one of event.getCoalescedEvents?.() ?? [event]) this.touch(one); });
    this.canvas.addEventListener("keydown", event => this.key(event));
  }

  clear() {
    this.pixels = new Uint8Array(this.h * this.w * this.C).fill(this.dark);
    this.mask = new Uint8Array(this.h * this.w);
    this.show();
  }

  touch(event) {
    const [u, v] = placeOf(event, this.canvas);
    this.stroke(u * this.w - 0.5, v * this.h - 0.5);
  }

  key(event) {
    const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault();
    if (step) this.at = [Math.min(this.w - 1, Math.max(0, this.at[0] + step[0])), Math.min(this.h - 1, Math.max(0, this.at[1] + step[1]))];
    else this.down = !this.down;
    if (this.down) this.stroke(...this.at);
    this.show(true);
  }

  // A soft round spot of the tool, of a stroke's width for the size of the picture.
  stroke(x, y) {
    const radius = Math.max(0.8, this.w / 20), wide = this.tool === "pen" ? radius : 2 * radius;
    for (let row = 0; row < this.h; row++)
      for (let column = 0; column < this.w; column++) {
        const ink = Math.min(1, Math.max(0, wide + 0.5 - Math.hypot(column - x, row - y))), i = row * this.w + column;
        if (!ink) continue;
        if (this.tool === "mark") { this.mask[i] = Math.max(this.mask[i], ink > 0.5 ? 255 : 0); continue; }
        for (let c = 0; c < this.C; c++) {
          const to = this.tool === "pen" ? 255 - this.dark : this.dark, before = this.pixels[i * this.C + c];
          const mixed = before + ink * (to - before);
          this.pixels[i * this.C + c] = to > this.dark ? Math.max(before, mixed) : mixed;
        }
        if (this.tool === "eraser") this.mask[i] = 0;
      }
    this.show();
  }

  show(cursor = false) {
    drawPictures(this.canvas, this.pixels, [this.h, this.w, this.C], 1, 0);
    const context = this.canvas.getContext("2d");
    context.fillStyle = "rgb(90 169 255 / 60%)";
    this.mask.forEach((marked, i) => { if (marked) context.fillRect(i % this.w, Math.floor(i / this.w), 1, 1); });
    if (cursor) context.fillRect(...this.at, 1, 1);
  }
}

function strokes(card) {
  const {run} = card, [h, w, C] = run.native_shape, label = classes(card, Math.min(3, run.class_names.length - 1));
  const pad = new Pad(run.native_shape, 0), strength = range(0.1, 1, 0.05, 0.7), said = status();
  const result = canvasOf("pictures", "What it makes of the strokes, not drawn yet");
  const tools = element("div", {className: "row", role: "radiogroup", "aria-label": "Tool"}, ...["pen", "eraser", "mark"].map(tool =>
    element("label", {className: "tick"}, element("input", {type: "radio", name: `tool-${card.number}`, checked: tool === "pen",
      onchange: () => { pad.tool = tool; }}), {pen: "pen", eraser: "eraser", mark: "mark what to make anew"}[tool])));

  const repeated = values => {
    const all = new Uint8Array(PROPOSALS * values.length);
    for (let i = 0; i < PROPOSALS; i++) all.set(values, i * values.length);
    return all;
  };
  const make = (task, more) => {
    if (task === "fill" && !pad.mask.some(Boolean)) { said.textContent = "Mark a part first: that is made anew."; return; }
    said.textContent = "Drawing …";
    const asked = Array(PROPOSALS).fill(Number(label?.value ?? 0)), options = {...card.options, ...more};
    ask(`strokes-${card.number}`, {task, run: card.number, pixels: repeated(pad.pixels), mask: pad.mask, asked, options}, ({x, done, total, last, error}) => {
      if (error) { said.textContent = error; return; }
      drawPictures(result, x, run.native_shape, PROPOSALS);
      said.textContent = last ? `${PROPOSALS} proposals, from ${PROPOSALS} draws of noise.` : `${Math.round(100 * done / total)} % of the way`;
      if (last) result.setAttribute("aria-label", `${PROPOSALS} pictures made of the strokes`);
    });
  };
  const take = () => {
    const frame = card.frames.at(-1);
    if (frame) pad.pixels.set(frame.x.subarray(0, pad.pixels.length));
    pad.show();
  };
  return {parts: [
    sentence("Draw something with the pen. The strokes are drowned in noise up to the chosen strength, and found again as a picture; or mark a part, and only that is made anew."),
    element("div", {className: "pair"}, element("div", {}, pad.canvas, tools),
      element("div", {}, ...(label ? [field("Picture of", label)] : []), field("Strength", strength, value => `${Math.round(100 * value)} %`),
        element("div", {className: "row"},
          button("Make a picture of it", () => make("redraw", {strength: Number(strength.value), edit: run.img2img}), true),
          button("Fill what is marked", () => make("fill", {fill: run.inpaint}))),
        element("div", {className: "row"}, button("Clear", () => pad.clear()), button("Take the first picture above", take)))),
    result, said,
  ]};
}

"use strict";
// A pad for strokes, and what a diffusion model makes of them.

// A drawing [h, w, C] in bytes, and which of its pixels are to be made anew; by pointer, or by the arrow keys and space.
class Pad {
  constructor([h, w, C]) {
    Object.assign(this, {h, w, C, at: [w >> 1, h >> 1], down: false, tool: "pen"});
    this.canvas = element("canvas", {className: "pad", width: w, height: h, tabIndex: 0, role: "application",
      "aria-label": "Pad to draw on; the arrow keys move the pen, and space puts it down or lifts it"});
    this.clear();
    this.canvas.addEventListener("pointerdown", event => {
      this.canvas.setPointerCapture(event.pointerId);
      this.touch(event);
    });
    this.canvas.addEventListener("pointermove", event => {
      if (event.buttons) for (const one of event.getCoalescedEvents?.() ?? [event]) this.touch(one);
    });
    this.canvas.addEventListener("keydown", event => this.key(event));
  }

  clear() {
    this.pixels = new Uint8Array(this.h * this.w * this.C);
    this.mask = new Uint8Array(this.h * this.w);
    this.show();
  }

  touch(event) {
    const [u, v] = placeOf(event, this.canvas);
    this.stroke(u * this.w - 0.5, v * this.h - 0.5);
  }

  key(event) {
    const step = ARROWS[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault();
    if (step) this.at = this.at.map((place, i) => within(place + step[i], [this.w, this.h][i] - 1));
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
          const before = this.pixels[i * this.C + c];
          this.pixels[i * this.C + c] = this.tool === "pen" ? Math.max(before, 255 * ink) : before * (1 - ink);
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

const TOOLS = {pen: "pen", eraser: "eraser", mark: "mark what to make anew"};

function toolsOf(pad, group) {
  const choice = tool => element("input", {
    type: "radio", name: group, checked: tool === pad.tool, onchange: () => { pad.tool = tool; },
  });
  return element("div", {className: "row", role: "radiogroup", "aria-label": "Tool"},
    ...Object.entries(TOOLS).map(([tool, text]) => element("label", {className: "tick"}, choice(tool), text)));
}

function strokes(card) {
  const {run} = card, label = classes(card, Math.min(3, run.class_names.length - 1));
  const pad = new Pad(run.native_shape), strength = range(0.1, 1, 0.05, 0.7), said = status();
  const result = canvasOf("pictures", "What it makes of the strokes, not drawn yet");
  const say = text => { said.textContent = text; };

  const repeated = values => {
    const all = new Uint8Array(PROPOSALS * values.length);
    for (let i = 0; i < PROPOSALS; i++) all.set(values, i * values.length);
    return all;
  };
  const hear = ({x, done, total, last, error}) => {
    if (error) return say(error);
    drawPictures(result, x, run.native_shape, PROPOSALS);
    if (!last) return say(`${Math.round(100 * done / total)} % of the way`);
    say(`${PROPOSALS} proposals, from ${PROPOSALS} draws of noise.`);
    result.setAttribute("aria-label", `${PROPOSALS} pictures made of the strokes`);
  };
  const make = (task, more) => {
    say("Drawing …");
    ask(`strokes-${card.number}`, {
      task, run: card.number, pixels: repeated(pad.pixels), mask: pad.mask,
      asked: Array(PROPOSALS).fill(Number(label?.value ?? 0)), options: {...card.options, ...more},
    }, hear);
  };
  const redraw = () => make("redraw", {strength: Number(strength.value), edit: run.img2img});
  const fill = () => pad.mask.some(Boolean) ? make("fill", {fill: run.inpaint}) : say("Mark a part first: that is made anew.");
  const take = () => {
    const frame = card.frames.at(-1);
    if (frame) pad.pixels.set(frame.x.subarray(0, pad.pixels.length));
    pad.show();
  };
  const row = (...buttons) => element("div", {className: "row"}, ...buttons);
  return {parts: [
    sentence("Draw something with the pen. The strokes are drowned in noise up to the chosen strength, and found again "
      + "as a picture; or mark a part, and only that is made anew."),
    element("div", {className: "pair"},
      element("div", {}, pad.canvas, toolsOf(pad, `tool-${card.number}`)),
      element("div", {}, ...(label ? [field("Picture of", label)] : []),
        field("Strength", strength, value => `${Math.round(100 * value)} %`),
        row(button("Make a picture of it", redraw, true), button("Fill what is marked", fill)),
        row(button("Clear", () => pad.clear()), button("Take the first picture above", take)))),
    result, said,
  ]};
}

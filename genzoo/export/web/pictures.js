"use strict";
// Elements and pictures, for page.js and panels.js.

// An element with properties and attributes; names that begin with "on" are listeners.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

let fields = 0;

// A control below its label, which may say its value.
function field(label, control, told = null) {
  control.id = `field-${fields++}`;
  const said = element("output", {}), words = told ? [label, " ", said] : [label];
  if (told) {
    const tell = () => {
      said.textContent = told(control.value);
      control.setAttribute("aria-valuetext", said.textContent);
    };
    control.addEventListener("input", tell);
    tell();
  }
  return element("div", {className: "field"}, element("label", {htmlFor: control.id}, ...words), control);
}

function select(options, chosen) {
  return element("select", {}, ...options.map(([value, text]) =>
    element("option", {value, textContent: text, selected: String(value) === String(chosen)})));
}

const range = (min, max, step, value) => element("input", {type: "range", min, max, step, value});
const button = (text, onclick, main = false) =>
  element("button", {type: "button", className: main ? "main" : "", onclick}, text);
const tick = (text, attributes) => {
  const box = element("input", {type: "checkbox", ...attributes});
  return [element("label", {className: "tick"}, box, text), box];
};

const GAP = 2; // pixels between two pictures

// Draws bytes [n, h, w, C] as a grid on a canvas, in so many columns.
function drawPictures(canvas, bytes, [h, w, C], columns, gap = GAP) {
  const n = bytes.length / (h * w * C), across = Math.min(columns, n), down = Math.ceil(n / across);
  const [width, height] = [across * (w + gap) - gap, down * (h + gap) - gap];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  const context = canvas.getContext("2d"), image = new ImageData(w, h);
  for (let i = 0; i < n; i++) {
    for (let pixel = 0; pixel < h * w; pixel++) {
      const from = (i * h * w + pixel) * C;
      for (let c = 0; c < 3; c++) image.data[pixel * 4 + c] = bytes[from + (C === 3 ? c : 0)];
      image.data[pixel * 4 + 3] = 255;
    }
    context.putImageData(image, i % across * (w + gap), Math.floor(i / across) * (h + gap));
  }
}

// The nearest number from 0 to most.
const within = (value, most) => Math.min(most, Math.max(0, value));

// Where a pointer is on a canvas, from 0 to 1 each way.
function placeOf({clientX, clientY}, canvas) {
  const box = canvas.getBoundingClientRect();
  return [within((clientX - box.left) / box.width, 1), within((clientY - box.top) / box.height, 1)];
}

const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

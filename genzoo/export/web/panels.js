"use strict";
// Further ways to play with a run, each folded away below its card.

const BETWEEN = 25; // pictures of a walk
const PROPOSALS = 5; // pictures that are made of strokes
const MAP = 9; // pictures along each side of a plane's map

function addPanels(card, place) {
  const {kind} = card.run;
  place.append(folded("Walk between two", walk(card)));
  if (kind === "diffusion") place.append(folded("Draw strokes, and let it make a picture of them", strokes(card)));
  if (kind === "latent") place.append(folded("The plane of latents under the pointer", plane(card)));
}

// What opens itself is begun when it is first opened.
function folded(title, {parts, begin}) {
  let begun = false;
  const opened = event => { if (event.target.open && !begun) { begun = true; begin?.(); } };
  return element("details", {ontoggle: opened}, element("summary", {}, title), ...parts);
}

const sentence = text => element("p", {}, text);
const status = () => element("p", {className: "status", role: "status"});
const canvasOf = (className, label) =>
  element("canvas", {className, role: "img", "aria-label": label, width: 28, height: 28});

// A choice of class where the run takes labels.
function classes(card, chosen) {
  return card.label ? select(card.run.class_names.map((name, i) => [i, name]), chosen) : null;
}

function walk(card) {
  const {run} = card, names = run.class_names, latent = run.kind === "latent";
  const [from, to] = [classes(card, Math.min(3, names.length - 1)), classes(card, Math.min(8, names.length - 1))];
  const canvas = canvasOf("single", "A picture between two"), place = range(0, BETWEEN - 1, 1, 0), said = status();
  let pictures = null;

  const shown = () => {
    if (!pictures) return;
    const [h, w, C] = run.native_shape, size = h * w * C, i = Number(place.value);
    drawPictures(canvas, pictures.subarray(i * size, (i + 1) * size), run.native_shape, 1);
    place.setAttribute("aria-valuetext", `${Math.round(100 * i / (BETWEEN - 1))} percent of the way`);
  };
  const begin = () => {
    const {options} = card, seeds = [options.seed, options.seed + 1];
    const asked = [from, to].map(one => Number(one?.value ?? 0)), task = "walk";
    said.textContent = "Drawing …";
    ask(`walk-${card.number}`, {task, run: card.number, asked, seeds, count: BETWEEN, options}, ({x, last, error}) => {
      pictures = x;
      said.textContent = error ?? (last ? "Drag the slider." : "Drawing …");
      if (!error) shown();
    });
  };
  place.addEventListener("input", shown);
  const way = latent ? "the straight line between their latents" : "the great circle between their noises";
  const choices = from ? [field("From", from), field("To", to)] : [];
  return {begin, parts: [
    sentence(`${BETWEEN} pictures on ${way}, from the seed above to the next one${from ? ", and between classes" : ""}.`),
    element("div", {className: "pair"}, element("div", {}, canvas),
      element("div", {}, ...choices, field("Where on the way", place),
        element("div", {className: "row"}, button("Walk", begin)), said)),
  ]};
}

function plane(card) {
  const {run} = card, [h, w] = run.native_shape, label = classes(card, 0), said = status();
  const map = element("canvas", {className: "plane", tabIndex: 0, role: "application", width: 28, height: 28,
    "aria-label": "Map of the plane; the arrow keys move the point"});
  const picture = canvasOf("single", "The picture at the point"), point = [0.5, 0.5];
  let pictures = null, seed = null;

  const request = (slot, places, heard) => ask(`${slot}-${card.number}`, {
    task: "plane", run: card.number, places, asked: Number(label?.value ?? 0), options: {...card.options, seed},
  }, heard);
  const mark = () => {
    if (!pictures) return;
    drawPictures(map, pictures, run.native_shape, MAP, 0);
    const context = map.getContext("2d");
    context.strokeStyle = "#5aa9ff";
    context.lineWidth = 2;
    context.strokeRect(point[0] * (MAP - 1) * w, point[1] * (MAP - 1) * h, w, h);
  };
  const look = () => {
    mark();
    request("point", [point], ({x}) => {
      drawPictures(picture, x, run.native_shape, 1);
      picture.setAttribute("aria-label", `The picture at ${point.map(u => Math.round(100 * u)).join(" and ")} percent`);
    });
  };
  const begin = () => {
    seed = seed === null ? card.options.seed : seed + 1;
    const places = Array.from({length: MAP * MAP}, (_, i) => [i % MAP / (MAP - 1), Math.floor(i / MAP) / (MAP - 1)]);
    request("map", places, ({x, error}) => {
      said.textContent = error ?? `Three draws of seed ${seed} lie at the corners, but for that below on the right.`;
      pictures = x ?? pictures;
      mark();
    });
    look();
  };
  const move = place => { point.splice(0, 2, ...place.map(u => within(u, 1))); look(); };
  map.addEventListener("pointermove", event => {
    const [u, v] = placeOf(event, map), inner = value => (value * MAP - 0.5) / (MAP - 1);
    move([inner(u), inner(v)]);
  });
  map.addEventListener("keydown", event => {
    const step = ARROWS[event.key];
    if (!step) return;
    event.preventDefault();
    move(point.map((u, i) => u + step[i] / 32));
  });
  label?.addEventListener("change", () => { seed -= 1; begin(); });
  return {begin, parts: [
    sentence("Each point of this plane is a latent; move over it, and the network draws what stands there."),
    element("div", {className: "pair"}, element("div", {}, map),
      element("div", {}, picture, ...(label ? [field("Picture of", label)] : []),
        element("div", {className: "row"}, button("Another plane", begin)), said)),
  ]};
}

// The faces of a result: boxes over the picture, and beside it a card with a bar chart for each. A face is selected on
// either side. Elements are kept from one result to the next, so that with the camera bars move and the focus stays.

import { emotionColor, emotionName, isUncertain, percent, textColor } from "./emotions.js";

const boxes = document.getElementById("boxes");
const cards = document.getElementById("faces");
let selected = null;

/** Show the faces of a result whose picture `source` (an image or a canvas) is. `source` may be null. */
export function showFaces(result, source) {
  const { faces } = result;
  fill(boxes, "box-template", faces.length);
  fill(cards, "card-template", faces.length);
  faces.forEach((face, index) => {
    updateBox(boxes.children[index], face, index, result);
    updateCard(cards.children[index], face, index);
    drawThumbnail(cards.children[index].querySelector("canvas"), face, result, source);
  });
  select(selected < faces.length ? selected : null);
}

/** Show no faces, and select none. */
export function clearFaces() {
  boxes.replaceChildren();
  cards.replaceChildren();
  selected = null;
}

function fill(parent, template, length) {
  const { content } = document.getElementById(template);
  while (parent.children.length > length) parent.lastElementChild.remove();
  while (parent.children.length < length) parent.append(content.cloneNode(true));
}

function updateBox(box, face, index, { width, height }) {
  const [x1, y1, x2, y2] = visible(face.box, width, height);
  setColors(box, face);
  box.style.left = `${(100 * x1) / width}%`;
  box.style.top = `${(100 * y1) / height}%`;
  box.style.width = `${(100 * (x2 - x1)) / width}%`;
  box.style.height = `${(100 * (y2 - y1)) / height}%`;
  box.classList.toggle("at-top", y1 < 0.06 * height); // no room for the number above it
  box.querySelector(".badge").textContent = index + 1;
  box.ariaLabel = `Face ${index + 1}: ${emotionName(face)}, ${percent(face.confidence)}`;
}

/** The part of a box that is in the picture: a face may reach over its edge. */
function visible([x1, y1, x2, y2], width, height) {
  const within = (value, most) => Math.min(Math.max(value, 0), most);
  return [within(x1, width), within(y1, height), within(x2, width), within(y2, height)];
}

function updateCard(card, face, index) {
  setColors(card, face);
  card.querySelector(".badge").textContent = index + 1;
  card.querySelector(".name").textContent = emotionName(face);
  card.querySelector(".confidence").textContent = percent(face.confidence);
  const rows = Object.entries(face.probabilities);
  const highest = Math.max(...rows.map(([, probability]) => probability));
  const chart = card.querySelector(".chart");
  fill(chart, "bar-template", rows.length);
  rows.forEach(([label, probability], row) => updateBar(chart.children[row], label, probability, highest));
}

function updateBar(row, label, probability, highest) {
  row.classList.toggle("best", probability === highest);
  row.querySelector("dt").textContent = label;
  row.querySelector(".bar").style.width = `${100 * probability}%`;
  row.querySelector(".percent").textContent = percent(probability);
}

function setColors(element, face) {
  const color = emotionColor(face.emotion);
  element.style.setProperty("--color", color);
  element.style.setProperty("--on-color", textColor(color));
  element.classList.toggle("uncertain", isUncertain(face));
}

/** The face with some of what is around it, in a square. */
function drawThumbnail(canvas, face, { width, height }, source) {
  canvas.hidden = source === null;
  if (source === null) return;
  const [x1, y1, x2, y2] = face.box;
  const scale = (source.naturalWidth ?? source.width) / width;
  const side = Math.min(1.45 * Math.sqrt((x2 - x1) * (y2 - y1)), width, height);
  const left = Math.min(Math.max((x1 + x2 - side) / 2, 0), width - side);
  const top = Math.min(Math.max((y1 + y2 - side) / 2, 0), height - side);
  const from = [left, top, side, side].map((length) => length * scale);
  canvas.getContext("2d").drawImage(source, ...from, 0, 0, canvas.width, canvas.height);
}

function select(index) {
  selected = index;
  [boxes, cards].forEach((side) => side.classList.toggle("chosen", index !== null));
  [...boxes.children].forEach((box, i) => {
    box.ariaPressed = String(i === index);
    box.tabIndex = i === (index ?? 0) ? 0 : -1; // one stop for the picture; the arrow keys go on from there
  });
  [...cards.children].forEach((card, i) => {
    card.classList.toggle("selected", i === index);
    card.querySelector(".who").ariaPressed = String(i === index);
  });
}

function toggle(index) {
  select(index === selected ? null : index);
  if (selected !== null) cards.children[selected].scrollIntoView({ block: "nearest" });
}

function indexOf(parent, target) {
  return [...parent.children].findIndex((child) => child.contains(target));
}

boxes.addEventListener("click", (event) => {
  const index = indexOf(boxes, event.target);
  if (index >= 0) toggle(index);
});

cards.addEventListener("click", (event) => {
  const button = event.target.closest(".who");
  if (button !== null) toggle(indexOf(cards, button));
});

boxes.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const index = indexOf(boxes, event.target);
  if (step === undefined || index < 0) return;
  event.preventDefault();
  const next = (index + step + boxes.children.length) % boxes.children.length;
  if (next !== selected) toggle(next);
  boxes.children[next].focus();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && selected !== null) select(null);
});

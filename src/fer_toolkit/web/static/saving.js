// What can be saved: the result as JSON, and the picture, at its full size, with boxes and tags.

import { Problem } from "./api.js";
import { emotionColor, emotionName, isUncertain, percent, textColor } from "./emotions.js";

/** Save the server's answer as it is. */
export function saveJson(result, name) {
  const text = `${JSON.stringify(result, null, 2)}\n`;
  save(new Blob([text], { type: "application/json" }), `${stem(name)}.json`);
}

/** Save the picture with its faces marked; a JPEG stays one, anything else becomes a PNG. */
export async function savePicture(result, source, { name, type }) {
  const canvas = drawFaces(result, source);
  const [kind, ending] = type === "image/jpeg" ? ["image/jpeg", "jpg"] : ["image/png", "png"];
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, kind, 0.92));
  if (blob === null) throw new Problem("The picture can’t be saved", "It has more pixels than this browser can draw.");
  save(blob, `${stem(name)}-faces.${ending}`);
}

function stem(name) {
  return name.replace(/\.[^.]*$/, "") || "picture";
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser may still be reading it
}

function drawFaces({ width, height, faces }, source) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  context.drawImage(source, 0, 0, width, height);
  faces.forEach((face, index) => drawBox(context, face, lineWidth(width, height)));
  // Tags come last: no box crosses one.
  faces.forEach((face, index) => drawTag(context, face, index, lineWidth(width, height)));
  return canvas;
}

function lineWidth(width, height) {
  return Math.max(2, 0.0044 * Math.sqrt(width * height));
}

function drawBox(context, face, line) {
  const [x1, y1, x2, y2] = face.box;
  const color = emotionColor(face.emotion);
  context.setLineDash(isUncertain(face) ? [5 * line, 3 * line] : []);
  // A rim of the opposite lightness keeps the line apart from a background of its own colour.
  for (const [style, width] of [[`${textColor(color)}60`, 1.6 * line], [color, line]]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.beginPath();
    context.roundRect(x1, y1, x2 - x1, y2 - y1, 3 * line);
    context.stroke();
  }
}

function drawTag(context, face, index, line) {
  const [x1, y1] = face.box;
  const size = Math.max(11, 6 * line);
  const color = emotionColor(face.emotion);
  const text = `${index + 1}  ${emotionName(face)} ${percent(face.confidence)}`;
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const [width, height] = [context.measureText(text).width + size, 1.6 * size];
  const left = Math.max(0, Math.min(x1 - line / 2, context.canvas.width - width));
  const top = Math.max(0, y1 - height - line);
  context.fillStyle = color;
  context.beginPath();
  context.roundRect(left, top, width, height, 0.35 * size);
  context.fill();
  context.fillStyle = textColor(color);
  context.fillText(text, left + size / 2, top + height / 2);
}

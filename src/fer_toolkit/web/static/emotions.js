// What is said of a face, and in which colour. The colours are those of the Python library's drawings: the palette of
// Okabe and Ito (2008), "Color Universal Design", https://jfly.uni-koeln.de/color/, for any kind of colour vision.

const VERMILION = "#d55e00", BLACK = "#000000", GREEN = "#009e73", PURPLE = "#cc79a7";
const YELLOW = "#f0e442", SKY = "#56b4e9", BLUE = "#0072b2", ORANGE = "#e69f00", GREY = "#999999";

const COLORS = new Map([
  ["angry", VERMILION], ["anger", VERMILION],
  ["contempt", BLACK],
  ["disgust", GREEN],
  ["fear", PURPLE],
  ["happy", YELLOW], ["happiness", YELLOW],
  ["neutral", SKY],
  ["sad", BLUE], ["sadness", BLUE],
  ["surprise", ORANGE],
  ["uncertain", GREY],
]);
const OTHERS = [ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE];

/** The colour of an emotion, as #rrggbb; an unknown one always has the same. */
export function emotionColor(name) {
  const letters = [...name.toLowerCase()];
  const number = letters.reduce((sum, letter) => (31 * sum + letter.codePointAt(0)) % 1_000_003, 0);
  return COLORS.get(letters.join("")) ?? OTHERS[number % OTHERS.length];
}

/** Black or white, whichever stands out more from a colour (WCAG 2.2, relative luminance). */
export function textColor(color) {
  const parts = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255);
  const [red, green, blue] = parts.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return luminance + 0.05 > Math.sqrt(1.05 * 0.05) ? "#000000" : "#ffffff";
}

/** A probability as people read it: "93 %". */
export function percent(probability) {
  return `${Math.round(100 * probability)} %`;
}

/** Whether a face is below the least confidence that the server asks for. */
export function isUncertain(face) {
  return face.emotion === "uncertain";
}

/** The emotion of a face; with a question mark when it is uncertain. */
export function emotionName(face) {
  const [[best]] = Object.entries(face.probabilities).sort(([, a], [, b]) => b - a);
  return isUncertain(face) ? `${best}?` : face.emotion;
}

/** How many faces there are: "2 faces". */
export function count(faces) {
  return faces.length === 0 ? "No face" : faces.length === 1 ? "1 face" : `${faces.length} faces`;
}

/** All faces in one sentence: "2 faces: happy, surprise". */
export function sentence(faces) {
  return faces.length === 0 ? "No face found" : `${count(faces)}: ${faces.map(emotionName).join(", ")}`;
}

// The page: where pictures come from, what is under way, and which state is shown.
//
// body[data-state] is start, working, result, none (no face) or error; body[data-camera] is there while the camera runs.
// style.css shows and hides by these two.

import { Problem, listDetectors, listModels, recognize, useToken } from "./api.js";
import { closeCamera, encode, grabFrame, openCamera } from "./camera.js";
import { count, sentence } from "./emotions.js";
import { clearFaces, showFaces } from "./faces.js";
import { saveJson, savePicture } from "./saving.js";

const SLOW = 4000; // milliseconds after which the page says that it still waits
const FRAME = 250; // milliseconds from one camera frame to the next, at least
const PATIENCE = 2; // seconds before a busy server is asked again, where it doesn't say how long
const SPEECH = 4000; // milliseconds between two announcements while the camera runs, at least

const [picture, video, frame, undisplayable, file, detector, classifier, dialog] = [
  "picture", "camera", "frame", "undisplayable", "file", "detector", "classifier", "token",
].map((id) => document.getElementById(id));
const HOPELESS = [400, 413, 415, 422]; // statuses of a picture that is refused each time

/** What is shown: {blob, name, type, source, result}; `source` (an image or canvas) is null where it can't be shown. */
let current = null;
let work = new AbortController(); // ends what is under way: there is never more than one
let again = () => {};

// Pictures

/** Find the faces of a file, or of whatever has bytes. */
async function openPicture(blob, name) {
  const signal = begin();
  clearFaces();
  again = () => openPicture(blob, name);
  working("Looking for faces …", "This takes longer than usual. The server may be busy, or the picture large.");
  const shown = await showPicture(blob, name, signal);
  if (signal.aborted) return;
  try {
    const { result, seconds } = await ask(blob, signal);
    current = { blob, name, type: blob.type, source: shown ? picture : null, result };
    showResult(current, `${seconds} s`);
    say(sentence(result.faces));
  } catch (error) {
    if (!signal.aborted) showProblem(error);
  }
}

/** Show a picture, unless `signal` is aborted meanwhile; whether the browser can. */
async function showPicture(blob, name, signal) {
  URL.revokeObjectURL(picture.src);
  picture.alt = name;
  picture.src = URL.createObjectURL(blob);
  const shown = await picture.decode().then(() => true, () => false);
  if (signal.aborted) return false;
  picture.hidden = !shown;
  frame.hidden = !shown;
  if (shown) fitFrame(picture.naturalWidth, picture.naturalHeight);
  return shown;
}

function fitFrame(width, height) {
  frame.style.setProperty("--ratio", width / height);
  frame.style.setProperty("--width", `${width}px`);
}

/** Ask the server; where it wants a token, ask the user for that first. */
async function ask(blob, signal) {
  const started = performance.now();
  const options = { detector: detector.value, classifier: classifier.value };
  const result = await withToken(() => recognize(blob, options, signal), signal);
  if (detector.disabled) fillOptions(); // the server was not there, or wanted a token, when the page was opened
  return { result, seconds: ((performance.now() - started) / 1000).toFixed(2) };
}

/** End what is under way. What begins now goes on until the returned signal is aborted. */
function begin() {
  work.abort();
  work = new AbortController();
  return work.signal;
}

// The camera

async function startCamera() {
  const signal = begin();
  leaveCamera();
  clearFaces();
  again = startCamera;
  current = null;
  working("Waiting for the camera …", "The browser may be asking whether this page may use it.");
  try {
    await openCamera(video, signal);
    document.body.dataset.camera = "";
    swapFocus("start-camera", "stop-camera");
    picture.hidden = true;
    video.hidden = frame.hidden = false;
    fitFrame(video.videoWidth, video.videoHeight);
    video.srcObject.getVideoTracks()[0].addEventListener("ended", stopCamera, { signal });
    if (document.hidden) return stopCamera();
    working("Looking for faces …", "This takes longer than usual. The server may be busy.");
    await watch(signal);
  } catch (error) {
    if (signal.aborted) return;
    leaveCamera();
    showProblem(error);
  }
}

/** Recognise one frame after the other, never a second one before the first is answered. */
async function watch(signal) {
  const speak = sparingly(say, SPEECH);
  while (!signal.aborted) {
    const earliest = pause(FRAME, signal);
    const canvas = grabFrame(video);
    const blob = await encode(canvas);
    try {
      const { result, seconds } = await ask(blob, signal);
      signal.throwIfAborted();
      current = { blob, name: "camera.jpg", type: blob.type, source: canvas, result };
      showResult(current, `${seconds} s`);
      speak(sentence(result.faces));
    } catch (error) {
      if (signal.aborted || ![429, 503].includes(error.status)) throw error;
      write(error.title, `${error.detail} Trying again …`);
      speak(`${error.title}. Trying again.`);
      await pause(1000 * (error.retryAfter ?? PATIENCE), signal);
    }
    await earliest;
  }
}

/** Let the camera go; the last frame that was answered stays, as a picture. */
async function stopCamera() {
  if (!("camera" in document.body.dataset)) return;
  const signal = begin();
  leaveCamera();
  say("The camera is off");
  if (current === null) return start();
  const { blob, name } = current;
  again = () => openPicture(blob, name);
  await showPicture(blob, name, signal);
}

function leaveCamera() {
  closeCamera(video);
  delete document.body.dataset.camera;
  swapFocus("stop-camera", "start-camera");
  video.hidden = true;
  frame.hidden = picture.hidden;
}

/** One of two buttons takes the other's place: the focus goes with it. */
function swapFocus(gone, here) {
  if (document.activeElement?.id === gone) document.getElementById(here).focus();
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}

/** `speak`, but not for what was just said, and not more often than this. */
function sparingly(speak, milliseconds) {
  let [last, time] = ["", -Infinity];
  return (text) => {
    if (text === last || performance.now() - time < milliseconds) return;
    [last, time] = [text, performance.now()];
    speak(text);
  };
}

// States

let slowly; // the timer of what is said when an answer takes long

function enter(state) {
  clearTimeout(slowly);
  undisplayable.hidden = true;
  document.body.dataset.state = state;
}

function start() {
  enter("start");
  frame.hidden = true;
}

/** Say what is under way, and after a while why it may take so long. */
function working(title, why) {
  enter("working");
  message(title, "");
  slowly = setTimeout(() => message(title, why), SLOW);
}

function showResult({ result, source }, time) {
  const { faces, width, height } = result;
  enter(faces.length > 0 ? "result" : "none");
  frame.hidden = false;
  fitFrame(width, height);
  undisplayable.hidden = source !== null;
  document.getElementById("save-picture").hidden = source === null;
  document.getElementById("summary").textContent = count(faces);
  const parts = [result.detector, result.classifier, `${width} × ${height}`, time];
  document.getElementById("made-by").textContent = parts.filter(Boolean).join(" · ");
  if (faces.length === 0) {
    write("No face found", "Small, turned or half-hidden faces are easily missed. Another detector may find them.");
  }
  showFaces(result, source);
}

function showProblem(error) {
  if (!(error instanceof Problem)) console.error(error);
  const { title, detail, status } = error instanceof Problem ? error : new Problem("The page failed", String(error));
  clearFaces();
  current = null;
  enter("error");
  document.getElementById("again").hidden = HOPELESS.includes(status);
  message(title, detail);
}

/** Write a message where it is seen, and say it. */
function message(title, detail) {
  write(title, detail);
  say([title, detail].filter(Boolean).join(". "));
}

function write(title, detail) {
  document.getElementById("message-title").textContent = title;
  document.getElementById("message-detail").textContent = detail;
}

function say(text) {
  document.getElementById("status").textContent = text;
}

// The token, and what there is to choose from

async function withToken(action, signal) {
  try {
    return await action();
  } catch (error) {
    if (error.status !== 401 || !(await askForToken(error))) throw error;
    signal?.throwIfAborted();
    return withToken(action, signal);
  }
}

/** Ask the user for a token; whether there is one now. */
async function askForToken({ detail }) {
  const value = document.getElementById("token-value");
  document.getElementById("token-why").textContent = detail;
  if (!dialog.open) {
    dialog.returnValue = ""; // what it stays at when it is left by Escape
    dialog.showModal();
  }
  value.select();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue === "use") useToken(value.value);
  return dialog.returnValue === "use";
}

async function fillOptions() {
  try {
    const [detectors, models] = await withToken(() => Promise.all([listDetectors(), listModels()]));
    fillSelect(detector, detectors);
    fillSelect(classifier, models);
  } catch (error) {
    if (!(error instanceof Problem)) throw error; // a picture will tell: until then the server's own choice stands
  }
}

function fillSelect(select, entries) {
  const options = entries.map(({ name, summary, default: chosen }) => {
    const option = new Option(name, name, chosen, chosen);
    option.title = summary ?? "";
    return option;
  });
  select.replaceChildren(...options);
  select.disabled = false;
}

// What the user does

file.addEventListener("change", () => {
  if (file.files.length > 0) openFirst(file.files);
  file.value = ""; // so that the same file can be chosen again
});

function openFirst([first]) {
  leaveCamera();
  openPicture(first, first.name);
}

document.addEventListener("paste", (event) => {
  const { files } = event.clipboardData;
  if (files.length > 0) openFirst(files);
});

function hasFiles(event) {
  return event.dataTransfer.types.includes("Files");
}

document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  document.body.dataset.drag = "";
});

document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) delete document.body.dataset.drag; // it has left the window
});

document.addEventListener("drop", (event) => {
  delete document.body.dataset.drag;
  if (!hasFiles(event)) return;
  event.preventDefault();
  openFirst(event.dataTransfer.files);
});

document.getElementById("start-camera").addEventListener("click", startCamera);
document.getElementById("stop-camera").addEventListener("click", stopCamera);
document.addEventListener("visibilitychange", () => { if (document.hidden) stopCamera(); });
window.addEventListener("pagehide", () => { begin(); leaveCamera(); }); // there is nobody to show a last frame to

document.getElementById("again").addEventListener("click", () => {
  file.focus(); // the button goes, and the focus must not
  again();
});

document.getElementById("options").addEventListener("change", () => {
  if (document.body.dataset.state !== "start" && again !== startCamera) again(); // the camera's next frame heeds it anyway
});

document.getElementById("save-json").addEventListener("click", () => saveJson(current.result, current.name));
document.getElementById("save-picture").addEventListener("click", () => {
  savePicture(current.result, current.source, current).catch(showProblem);
});

fillOptions();

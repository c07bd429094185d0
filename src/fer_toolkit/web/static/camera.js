// The camera: opened, looked at one frame after the other, and let go of.

import { Problem } from "./api.js";

const LONGEST_SIDE = 960; // pixels; detectors make pictures smaller than that anyway

/** Show the camera in a video element, unless `signal` is aborted meanwhile; a Problem says why there is none. */
export async function openCamera(video, signal) {
  if (!navigator.mediaDevices) {
    throw new Problem("No camera here", "Browsers allow it on pages served by HTTPS, or by this computer itself.");
  }
  const wanted = { video: { facingMode: "user", width: { ideal: 1280 } }, audio: false };
  try {
    const stream = await navigator.mediaDevices.getUserMedia(wanted);
    if (signal.aborted) stop(stream);
    signal.throwIfAborted();
    video.srcObject = stream;
    await video.play();
  } catch (error) {
    throw refusal(error);
  }
}

/** Let the camera go: its light goes out. */
export function closeCamera(video) {
  if (video.srcObject !== null) stop(video.srcObject);
  video.srcObject = null;
}

function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/** What the camera shows now, as a canvas: mirrored, as people know themselves and as the page shows it. */
export function grabFrame(video) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(video.videoWidth, video.videoHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  const context = canvas.getContext("2d");
  context.setTransform(-1, 0, 0, 1, canvas.width, 0);
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** A canvas as a JPEG file's bytes. */
export function encode(canvas) {
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
}

function refusal({ name }) {
  const details = {
    NotAllowedError: "This page may not use it. The browser’s settings for this page can change that.",
    NotFoundError: "This computer has none, or it is not plugged in.",
    NotReadableError: "Another program is using it.",
  };
  return new Problem("The camera can’t be used", details[name] ?? "The browser could not start it.");
}

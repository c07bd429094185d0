"""Show a camera's picture with the emotions of its faces, and print each emotion that a face keeps for a second.

    python examples/webcam.py [CAMERA]

CAMERA is a number (0 by default), the address of a network camera, or a video file. q or Esc in the window ends it.
Needs fer-toolkit[video], and a display.
"""

import sys

import cv2

from fer_toolkit import EmotionRecognizer, load_image
from fer_toolkit.images import to_pil
from fer_toolkit.video.events import EmotionEvent

TITLE = "Emotions: q ends"
ESCAPE = 27


def main(camera: str) -> None:
    """Show what the camera sees until a key is pressed."""
    recognizer = EmotionRecognizer(detector_options={"max_side": 320})  # enough for faces so near, and faster
    source = int(camera) if camera.isdecimal() else camera
    with recognizer.recognize_video(source, on_event=tell) as stream:
        for image_bgr, frame in stream.with_images():
            cv2.imshow(TITLE, load_image(frame.draw(to_pil(image_bgr))))
            if cv2.waitKey(1) & 0xFF in (ord("q"), ESCAPE):
                break
    cv2.destroyAllWindows()


def tell(event: EmotionEvent) -> None:
    """Say what a face shows now."""
    print(f"{event.since:6.1f} s  face {event.track_id}: {event.emotion}", flush=True)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["0"]))

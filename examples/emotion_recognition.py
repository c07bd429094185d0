"""Say which emotions the faces of some pictures show, and write the pictures with the faces marked.

    python examples/emotion_recognition.py examples/images/*.jpg

Files are written to the folder ``marked``.
"""

import sys
from pathlib import Path

from fer_toolkit import EmotionRecognizer


def main(paths: list[str]) -> None:
    """Recognise each picture, print its faces, and save it with the faces marked."""
    recognizer = EmotionRecognizer()
    folder = Path("marked")
    folder.mkdir(exist_ok=True)
    for result in recognizer.recognize_batch(paths, on_error="return"):
        if result.error is not None:
            print(result.error, file=sys.stderr)
            continue
        print(f"{result.path}: {len(result)} face(s)")
        for face in result:
            shares = ", ".join(f"{label} {share:.0%}" for label, share in face.probabilities.items() if share >= 0.05)
            print(f"  {face.emotion:9} {shares}")
        result.draw(chart=True).save(folder / f"{Path(result.path).stem}.png")


if __name__ == "__main__":
    main(sys.argv[1:] or sys.exit(__doc__))

"""Draw the pictures of the documentation that show faces: docs/assets/{start,group,preview,video}-*.

Needs fer-toolkit[keras,video,plots]; all is made of the pictures in examples/images::

    python scripts/docs_pictures.py [start group preview video]
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from fer_toolkit import EmotionRecognizer, VideoResult

ROOT = Path(__file__).parents[1]
PICTURES, FOLDER = ROOT / "examples" / "images", ROOT / "docs" / "assets"
GAP = 8  # pixels
MOMENTS = (3.0, 6.0)  # of the clip, seconds: without the card and with it


def main() -> None:
    """Draw those that are asked for, or all."""
    kinds = {"start": draw_start, "group": draw_group, "preview": draw_preview, "video": draw_video}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", nargs="*", metavar="|".join(kinds))
    for kind in parser.parse_args().kind or kinds:
        kinds[kind]()


def draw_start() -> None:
    """The picture of the first steps."""
    result = EmotionRecognizer("yunet").recognize(PICTURES / "astronaut.jpg")
    result.draw(chart=True).save(FOLDER / "start-marked.jpg", quality=85)


def draw_group() -> None:
    """Six faces, each with its chart."""
    result = EmotionRecognizer("yunet").recognize(PICTURES / "group.jpg")
    result.draw(chart=True).save(FOLDER / "group-faces.jpg", quality=85)


def draw_preview() -> None:
    """What a recipe makes of faces: the code of the page on augmentation."""
    page = (ROOT / "docs" / "augmentation.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    code = code.replace("examples/images", PICTURES.as_posix()).replace('save("', f'save("{FOLDER.as_posix()}/')
    exec(compile(code, "docs/augmentation.md", "exec"), {"__name__": "page"})


def draw_video() -> None:
    """The chart of the example clip, and two of its frames."""
    with tempfile.TemporaryDirectory() as folder:
        clip = str(Path(folder) / "clip.mp4")
        subprocess.run([sys.executable, ROOT / "examples" / "make_clip.py", clip], check=True)
        recognizer = EmotionRecognizer("yunet")
        video = VideoResult.collect(recognizer.recognize_video(clip))
        video.plot("clip.mp4").savefig(FOLDER / "video-emotions.png", dpi=200)
        with recognizer.recognize_video(clip) as stream:
            frames = [
                frame.draw(Image.fromarray(image_bgr[:, :, ::-1]))
                for image_bgr, frame in stream.with_images()
                if frame.time in MOMENTS
            ]
    first, second = frames
    side_by_side = Image.new("RGB", (first.width + GAP + second.width, first.height), "white")
    side_by_side.paste(first, (0, 0))
    side_by_side.paste(second, (first.width + GAP, 0))
    side_by_side.save(FOLDER / "video-frames.jpg", quality=90)


if __name__ == "__main__":
    main()

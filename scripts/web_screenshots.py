"""Take the pictures of the web page that the documentation shows: docs/assets/web-*.png.

Needs fer-toolkit[web], Playwright and Chromium (scripts/install_chromium.sh)::

    python scripts/web_screenshots.py
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from fer_toolkit import EmotionRecognizer
from fer_toolkit.web import create_app, create_server

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "examples" / "images"
FOLDER = ROOT / "docs" / "assets"
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True}


def main() -> None:
    """Take all of them."""
    FOLDER.mkdir(exist_ok=True)
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("There is no Chromium: run scripts/install_chromium.sh")
    arguments = ["--disable-gpu"] + ["--no-sandbox"] * (os.geteuid() == 0)  # root has none
    with _serving() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        _save(_page(browser, address, "group.jpg", color_scheme="light", **DESKTOP), "web-light.png")
        dark = _page(browser, address, "group.jpg", color_scheme="dark", **DESKTOP)
        dark.locator(".who").nth(1).click()
        _save(dark, "web-dark.png")
        _save(_page(browser, address, "astronaut.jpg", color_scheme="light", **PHONE), "web-phone.png")
        browser.close()


@contextmanager
def _serving() -> Iterator[str]:
    server = create_server(create_app(EmotionRecognizer()), port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.address
    finally:
        server.stop()
        thread.join()


def _page(browser: Browser, address: str, picture: str, **options: object) -> Page:
    page = browser.new_context(reduced_motion="reduce", **options).new_page()
    page.goto(address)
    page.set_input_files("#file", PICTURES / picture)
    page.locator("body[data-state=result]").wait_for()
    page.locator("#classifier:enabled").wait_for()
    return page


def _save(page: Page, name: str) -> None:
    page.mouse.move(0, 0)  # over nothing
    with Image.open(BytesIO(page.screenshot())) as shot:
        picture = shot.convert("RGB")
        palette = picture.quantize(256, kmeans=2)  # of 256 colours it has less than half the size
        picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(FOLDER / name, optimize=True)
    print(f"{FOLDER / name}: {(FOLDER / name).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

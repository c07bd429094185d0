"""A picture on the page: how it comes, what is shown of it, and what is saved."""

import base64
import json

import pytest
from PIL import Image

from fer_toolkit import EmotionRecognizer
from fer_toolkit.labels import AFFECTNET, FER2013, UNCERTAIN
from fer_toolkit.render import emotion_color

DROP = """([type, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], "astronaut.jpg", { type: "image/jpeg" }));
  const init = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
  if (type === "paste") document.body.dispatchEvent(new ClipboardEvent("paste", init));
  else for (const type of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(type, init));
}"""


def box_in_picture(page, shown="#frame", box=".box"):
    """Where a box is drawn, x1 y1 x2 y2 in fractions of the picture."""
    frame, box = page.locator(shown).bounding_box(), page.locator(box).first.bounding_box()
    x1, y1 = (box["x"] - frame["x"]) / frame["width"], (box["y"] - frame["y"]) / frame["height"]
    return [x1, y1, x1 + box["width"] / frame["width"], y1 + box["height"] / frame["height"]]


def fractions(result):
    x1, y1, x2, y2 = result["faces"][0]["box"]
    width, height = result["width"], result["height"]
    return [x1 / width, y1 / height, x2 / width, y2 / height]


def test_it_begins_with_an_invitation_and_the_notice(page):
    assert page.locator("#welcome h2").inner_text() == "What do these faces show?"
    assert page.locator("#panel").is_hidden()
    notice = page.locator("#notice").inner_text()
    assert "does not keep them" in notice
    assert "can be wrong" in notice


def test_the_notice_says_when_the_server_does_keep_pictures(serving, open_page, tmp_path):
    with serving(save_uploads=tmp_path) as server:
        assert "keeps a copy" in open_page(server.address).locator("#notice").inner_text()


def test_a_chosen_picture_shows_what_the_library_says(page, choose, astronaut_path, expected):
    choose(page, astronaut_path)
    (face,) = expected["faces"]
    assert page.locator("#summary").inner_text() == "1 face"
    assert page.locator("#made-by").inner_text().startswith(f"haar · {expected['classifier']} · 512 × 512 · ")
    assert page.locator(".card .name").text_content() == face["emotion"]
    assert page.locator(".card .confidence").inner_text() == f"{face['confidence']:.0%}".replace("%", " %")
    assert page.locator("dt").all_inner_texts() == list(face["probabilities"])
    percents = [f"{100 * probability:.0f} %" for probability in face["probabilities"].values()]
    assert page.locator(".percent").all_inner_texts() == percents


def test_the_bars_are_as_long_as_the_probabilities(page, choose, astronaut_path, expected):
    choose(page, astronaut_path)
    page.wait_for_function("() => document.getAnimations().length === 0")
    for row, probability in enumerate(expected["faces"][0]["probabilities"].values()):
        track, bar = (page.locator(each).nth(row).bounding_box()["width"] for each in (".track", ".bar"))
        assert bar == pytest.approx(max(probability * track, 2), abs=1)  # two pixels are the least that is seen


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_picture_may_be_dropped_and_pasted(page, way, astronaut_path):
    page.evaluate(DROP, [way, base64.b64encode(astronaut_path.read_bytes()).decode()])
    page.locator("body[data-state=result]").wait_for()
    assert page.locator(".card").count() == 1


def test_what_is_no_file_may_be_dropped_and_pasted_as_ever(page):
    kept = page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.setData("text/plain", "words");
          const init = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
          return [new DragEvent("drop", init), new ClipboardEvent("paste", init)]
            .every((event) => document.body.dispatchEvent(event));
        }"""
    )
    assert kept
    assert page.locator("body").get_attribute("data-state") == "start"


@pytest.mark.parametrize(("width", "ratio"), [(1280, 1), (390, 3), (700, 1.5)], ids=["desktop", "phone", "in between"])
def test_the_box_is_on_the_face_at_any_width_and_pixel_ratio(open_page, choose, astronaut_path, expected, width, ratio):
    page = open_page(viewport={"width": width, "height": 844}, device_scale_factor=ratio)
    choose(page, astronaut_path)
    assert box_in_picture(page) == pytest.approx(fractions(expected), abs=0.004)
    assert box_in_picture(page, shown="#picture") == pytest.approx(fractions(expected), abs=0.004)


def test_the_box_is_on_the_face_of_a_picture_that_exif_turns(page, choose, astronaut_path, expected, saved_as):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees to the right
    with Image.open(astronaut_path) as picture:
        lying = picture.crop((0, 0, 512, 400)).transpose(Image.Transpose.ROTATE_90)
    choose(page, saved_as(lying, "JPEG", exif=exif, quality=95))
    shown = page.locator("#picture").bounding_box()
    assert shown["width"] / shown["height"] == pytest.approx(512 / 400, abs=0.01)
    x1, y1, x2, y2 = expected["faces"][0]["box"]
    assert box_in_picture(page) == pytest.approx([x1 / 512, y1 / 400, x2 / 512, y2 / 400], abs=0.03)


def test_of_a_picture_that_the_browser_cannot_show_the_boxes_are_shown(
    page, choose, astronaut_path, saved_as, expected
):
    with Image.open(astronaut_path) as picture:
        choose(page, saved_as(picture, "TIFF"))
    assert page.locator("#picture").is_hidden()
    assert page.locator("#undisplayable").is_visible()
    assert page.locator("#save-picture").is_hidden()
    assert box_in_picture(page) == pytest.approx(fractions(expected), abs=0.004)
    choose(page, b"words", "error")
    assert page.locator("#undisplayable, #frame").filter(visible=True).count() == 0


def test_a_picture_without_a_face_says_so_and_stays_in_view(page, choose, faceless_path):
    choose(page, faceless_path, "none")
    assert page.locator("#message-title").inner_text() == "No face found"
    assert page.locator("#picture").is_visible()
    assert page.locator("#faces, #again, #save-picture").filter(visible=True).count() == 0
    assert page.locator("#save-json").is_visible()


def test_the_next_picture_takes_the_place_of_the_last(page, choose, astronaut_path, faceless_path):
    choose(page, astronaut_path)
    choose(page, faceless_path, "none")
    assert page.locator(".box, .card").count() == 0
    choose(page, astronaut_path)
    assert page.locator(".box").count() == 1


def test_the_choice_is_what_the_server_has_and_another_one_is_heeded(page, choose, faceless_path):
    assert page.locator("#detector option").all_inner_texts() == ["haar", "none"]
    assert page.locator("#detector").input_value() == "haar"
    assert page.locator("#classifier option").count() == 1
    choose(page, faceless_path, "none")
    page.locator("#detector").select_option("none")  # the whole picture is a face
    page.locator("body[data-state=result]").wait_for()
    assert box_in_picture(page) == pytest.approx([0, 0, 1, 1], abs=0.004)


def test_an_uncertain_face_has_a_question_mark_and_a_dashed_box(serving, open_page, choose, astronaut_path):
    with serving(EmotionRecognizer("haar", min_confidence=1.0)) as server:
        page = open_page(server.address)
        choose(page, astronaut_path)
        assert page.locator(".card .name").text_content() == "happy?"
        assert page.locator(".box").evaluate("(box) => getComputedStyle(box).borderStyle") == "dashed"


def test_a_face_is_selected_from_either_side(page, choose, collage_path):
    choose(page, collage_path)
    boxes, cards = page.locator(".box"), page.locator(".who")
    assert boxes.count() == cards.count() > 1
    assert boxes.nth(0).get_attribute("aria-label").startswith("Face 1: ")
    for side, other in ((boxes, cards), (cards, boxes)):
        side.nth(1).click()
        assert other.nth(1).get_attribute("aria-pressed") == "true"
        assert other.nth(0).get_attribute("aria-pressed") == "false"
        side.nth(1).click()
        assert other.nth(1).get_attribute("aria-pressed") == "false"


def test_the_saved_json_is_what_the_library_says(page, choose, astronaut_path, expected):
    choose(page, astronaut_path)
    with page.expect_download() as download:
        page.locator("#save-json").click()
    assert download.value.suggested_filename == "astronaut.json"
    assert json.loads(download.value.path().read_text(encoding="utf-8")) == expected


def test_the_saved_picture_has_its_full_size_and_its_faces_marked(open_page, choose, collage_path, recognized):
    page = open_page(viewport={"width": 390, "height": 844})
    choose(page, collage_path)
    with page.expect_download() as download:
        page.locator("#save-picture").click()
    assert download.value.suggested_filename == "collage-faces.png"
    with Image.open(download.value.path()) as saved, Image.open(collage_path) as original:
        assert saved.size == original.size
        assert saved.getpixel((5, 5))[:3] == original.getpixel((5, 5))
        for face in recognized(collage_path)["faces"]:
            x1, y1, _, y2 = (round(edge) for edge in face["box"])
            assert saved.getpixel((x1, (y1 + y2) // 2))[:3] == emotion_color(face["emotion"])


def test_the_colours_are_those_of_the_librarys_own_drawings(page):
    names = sorted({*FER2013, *AFFECTNET, UNCERTAIN})
    colors = page.evaluate(
        "async (names) => names.map((await import('/static/emotions.js')).emotionColor)",
        names,
    )
    assert colors == ["#{:02x}{:02x}{:02x}".format(*emotion_color(name)) for name in names]

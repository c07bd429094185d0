"""The page for those who use a keyboard, a screen reader, a phone, or other colours."""

import pytest


def focused(page):
    return page.evaluate("() => document.activeElement.id || document.activeElement.className")


def press_until(page, name):
    """Press Tab until something has the focus."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if focused(page) == name:
            return
    raise AssertionError(f"Tab never comes to {name}")


def test_a_keyboard_is_enough(page, collage_path):
    # From now on the browser tells of file choosers and opens none; asked only just before the key, it may be too late.
    page.on("filechooser", lambda _: None)
    press_until(page, "detector")
    press_until(page, "classifier")
    press_until(page, "file")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(collage_path)
    page.locator("body[data-state=result]").wait_for()
    page.locator("#detector").focus()
    press_until(page, "box")
    page.keyboard.press("Enter")
    pressed = page.locator(".box[aria-pressed=true]")
    assert pressed.get_attribute("aria-label").startswith("Face 1")
    page.keyboard.press("ArrowRight")
    assert pressed.get_attribute("aria-label").startswith("Face 2")
    assert focused(page) == "box"
    page.keyboard.press("Escape")
    assert pressed.count() == 0
    press_until(page, "start-camera")  # the boxes are one stop, however many there are
    press_until(page, "who")
    page.keyboard.press("Space")
    assert pressed.get_attribute("aria-label").startswith("Face 1")
    press_until(page, "save-json")
    with page.expect_download():
        page.keyboard.press("Enter")


def test_the_focus_is_seen(page):
    for name in ("detector", "file", "start-camera"):
        press_until(page, name)
        outline = page.evaluate(
            """() => {
              const { activeElement } = document;
              const seen = activeElement.id === "file" ? activeElement.nextElementSibling : activeElement;
              return getComputedStyle(seen).outline;
            }"""
        )
        assert "solid 3px" in outline


def test_a_screen_reader_is_told_what_was_found(page, choose, collage_path, astronaut_path, faceless_path):
    status = page.get_by_role("status")
    choose(page, astronaut_path)
    assert status.text_content() == "1 face: happy"
    choose(page, collage_path)
    count = page.locator(".card").count()
    names = page.locator(".card .name").all_text_contents()
    assert status.text_content() == f"{count} faces: {', '.join(names)}"
    choose(page, faceless_path, "none")
    assert status.text_content() == "No face found"
    choose(page, b"words", "error")
    assert status.text_content().startswith("This is not a picture that can be read. ")


def test_a_face_reads_as_its_number_emotion_and_probabilities(page, choose, astronaut_path):
    choose(page, astronaut_path)
    page.get_by_role("group", name="Faces in the picture").get_by_role("button", name="Face 1: happy").wait_for()
    page.get_by_role("region", name="Result").get_by_role("listitem").get_by_role("button", name="1 happy").wait_for()
    assert page.get_by_role("term").first.inner_text() == "angry"


def test_nothing_goes_over_the_edge_of_a_phone(open_page, choose, astronaut_path, faceless_path):
    page = open_page(viewport={"width": 320, "height": 640}, device_scale_factor=2, has_touch=True)
    for state, picture in {"start": None, "result": astronaut_path, "none": faceless_path, "error": b"words"}.items():
        if picture is not None:
            choose(page, picture, state)
        assert page.evaluate("() => document.documentElement.scrollWidth") == 320
        targets = page.locator("button:not(.box), select, .button").filter(visible=True).all()
        assert all(each.bounding_box()["height"] >= 36 for each in targets)  # a finger finds them


@pytest.mark.parametrize("state", ["start", "working", "result", "selected", "none", "error", "token", "camera"])
def test_axe_finds_no_serious_fault(axe, open_page, choose, collage_path, faceless_path, state):
    page = open_page(reduced_motion="reduce")
    into_state(page, state, choose, collage_path, faceless_path)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        violations = axe.run(page).response["violations"]
        assert [(each["id"], each["nodes"]) for each in violations if each["impact"] in ("serious", "critical")] == []


def into_state(page, state, choose, collage_path, faceless_path):
    if state == "working":
        page.evaluate("() => { window.fetch = () => new Promise(() => {}); }")  # never answered
        choose(page, collage_path, "working")
    elif state in ("result", "selected"):
        choose(page, collage_path)
        if state == "selected":
            page.locator(".who").nth(1).click()
    elif state == "none":
        choose(page, faceless_path, "none")
    elif state == "error":
        choose(page, b"words", "error")
    elif state == "token":
        page.evaluate("() => document.getElementById('token').showModal()")
    elif state == "camera":
        page.locator("#start-camera").click()
        page.locator("body[data-camera][data-state=result]").wait_for()

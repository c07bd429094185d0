"""What the page says when there is no result, or not yet."""

import pytest

from fer_toolkit import EmotionRecognizer


def message(page):
    return page.locator("#message-title").inner_text(), page.locator("#message-detail").inner_text()


def test_a_file_that_is_no_picture(page, choose):
    choose(page, b"words, not a picture", "error")
    title, detail = message(page)
    assert title == "This is not a picture that can be read"
    assert "JPEG, PNG" in detail
    assert page.locator("#frame, #again").filter(visible=True).count() == 0


def test_a_picture_that_breaks_off(page, choose, astronaut_path):
    choose(page, astronaut_path.read_bytes()[:2000], "error")
    assert message(page)[0] == "The picture can’t be read"


def test_a_file_that_is_larger_than_the_server_takes(serving, open_page, choose, astronaut_path):
    with serving(max_bytes=20_000) as server:
        page = open_page(server.address)
        choose(page, astronaut_path, "error")
        title, detail = message(page)
        assert title == "The picture is too large"
        assert "20,000 bytes" in detail
        assert page.locator("#picture").is_visible()


def test_a_busy_server_and_another_try(serving, gate, open_page, choose, astronaut_path):
    with serving(EmotionRecognizer(gate), workers=1, queue=0) as server:
        first, second = open_page(server.address), open_page(server.address)
        choose(first, astronaut_path, "working")
        assert gate.reached.acquire(timeout=15)
        choose(second, astronaut_path, "error")
        assert message(second)[0] == "The server is busy"
        gate.is_open.set()
        first.locator("body[data-state=result]").wait_for()
        second.locator("#again").click()
        second.locator("body[data-state=result]").wait_for()
        assert second.evaluate("() => document.activeElement.id") == "file"  # and is not lost with the button


def test_a_server_that_is_gone(serving, open_page, choose, astronaut_path):
    with serving() as server:
        page = open_page(server.address)
    choose(page, astronaut_path, "error")
    assert message(page)[0] == "The server can’t be reached"
    assert page.locator("#picture, #again").filter(visible=True).count() == 2


def test_a_large_picture_when_the_server_hangs_up(page, choose, astronaut_path, tmp_path):
    large = tmp_path / "large.jpg"
    large.write_bytes(astronaut_path.read_bytes() + bytes(9 * 2**20))
    page.route("**/recognize*", lambda route: route.abort("connectionreset"))
    choose(page, large, "error")
    assert "of 9 MB, is larger than the server takes" in message(page)[1]


@pytest.mark.parametrize("status", [200, 502])
def test_an_answer_that_is_not_the_servers_own(page, choose, astronaut_path, status):
    page.route("**/recognize*", lambda route: route.fulfill(status=status, body="<h1>Bad gateway</h1>"))
    choose(page, astronaut_path, "error")
    title = {200: "The answer can’t be read", 502: "The server refused (status 502)"}[status]
    assert message(page)[0] == title


def test_a_slow_answer_first_looks_like_work_and_then_says_that_it_is_slow(
    serving, gate, open_page, choose, astronaut_path
):
    with serving(EmotionRecognizer(gate)) as server:
        page = open_page(server.address, prepare=lambda page: page.clock.install())
        choose(page, astronaut_path, "working")
        assert message(page) == ("Looking for faces …", "")
        assert page.locator("#progress").is_visible()
        page.clock.fast_forward(5000)
        assert "longer than usual" in message(page)[1]
        assert "longer than usual" in page.locator("#status").text_content()
        gate.is_open.set()
        page.locator("body[data-state=result]").wait_for()
        assert page.locator("#progress, #message").filter(visible=True).count() == 0


def test_the_next_picture_ends_the_wait_for_the_last(serving, gate, open_page, choose, astronaut_path, faceless_path):
    with serving(EmotionRecognizer(gate), workers=2) as server:
        page = open_page(server.address)
        choose(page, astronaut_path, "working")
        assert gate.reached.acquire(timeout=15)
        with page.expect_event("requestfailed") as given_up:
            page.set_input_files("#file", faceless_path)
        assert "/recognize" in given_up.value.url
        gate.is_open.set()
        page.locator("body[data-state=none]").wait_for()
        assert page.locator(".box").count() == 0


def test_a_token_is_asked_for_until_it_is_right_and_then_used(serving, open_page, choose, astronaut_path):
    with serving(token="open-sesame") as server:
        page = open_page(server.address, options_filled=False)
        dialog = page.locator("dialog[open]")
        dialog.wait_for()
        for token in ("wrong", "open-sesame"):
            with page.expect_response("**/api/v1/models"):
                page.get_by_label("Token", exact=True).fill(token)
                page.keyboard.press("Enter")
        page.locator("#classifier:enabled").wait_for()
        choose(page, astronaut_path)
        assert page.evaluate("() => [localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_escape_leaves_the_question_for_the_token(serving, open_page, choose, astronaut_path):
    with serving(token="open-sesame") as server:
        page = open_page(server.address, options_filled=False)
        page.get_by_label("Token", exact=True).fill("wrong")
        with page.expect_response("**/api/v1/models"):
            page.keyboard.press("Enter")
        page.locator("#token-why", has_text="wants a token").wait_for()
        asked = []
        page.on("request", lambda request: "/api/" in request.url and asked.append(request.url))
        page.keyboard.press("Escape")
        page.set_input_files("#file", astronaut_path)
        page.locator("dialog[open]").wait_for()
        assert len(asked) == 1  # for the picture: what was typed is not tried once more


def test_without_the_token_there_is_an_error_and_it_is_asked_for_again(serving, open_page, choose, astronaut_path):
    with serving(token="open-sesame") as server:
        page = open_page(server.address, options_filled=False)
        page.locator("dialog[open]").get_by_text("Cancel").click()
        page.set_input_files("#file", astronaut_path)
        page.locator("dialog[open]").get_by_text("Cancel").click()
        page.locator("body[data-state=error]").wait_for()
        assert message(page)[0] == "A token is needed"
        page.locator("#again").click()
        page.get_by_label("Token", exact=True).fill("open-sesame")
        page.get_by_text("Continue").click()
        page.locator("body[data-state=result]").wait_for()
        page.locator("#detector:enabled").wait_for()

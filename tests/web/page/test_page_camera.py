"""The camera: what it shows, that the server is asked one thing at a time, and that it is let go."""

import pytest

from fer_toolkit import EmotionRecognizer


@pytest.fixture
def camera_page(open_page):
    """The page, which knows of every camera track that it was given whether it still runs."""
    remember = """
      window.tracks = [];
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (wanted) => {
        const stream = await ask(wanted);
        window.tracks.push(...stream.getTracks());
        return stream;
      };
    """

    def open_camera_page(*arguments, **options):
        return open_page(*arguments, prepare=lambda page: page.add_init_script(remember), **options)

    return open_camera_page


def start(page, state="result"):
    page.locator("#start-camera").click()
    page.locator(f"body[data-camera][data-state={state}]").wait_for()


def tracks(page):
    return page.evaluate("() => window.tracks.map((track) => track.readyState)")


def test_the_face_before_the_camera_is_read_again_and_again(camera_page):
    page = camera_page()
    start(page)
    assert page.locator("#camera").is_visible()
    assert page.locator(".card").count() == 1
    for _ in range(3):
        with page.expect_response("**/recognize*") as answer:
            pass
        assert answer.value.status == 200
    assert page.locator("#stop-camera").is_visible()
    assert page.locator("#start-camera, .button, #downloads").filter(visible=True).count() == 0


def test_there_is_never_more_than_one_request_under_way(serving, gate, camera_page):
    with serving(EmotionRecognizer(gate), workers=4) as server:
        page = camera_page(server.address)
        page.clock.install()
        asked = []
        page.on("request", lambda request: "/recognize" in request.url and asked.append(request))
        start(page, "working")
        assert gate.reached.acquire(timeout=15)
        page.clock.run_for(2000)  # the time of many frames
        assert len(asked) == 1
        gate.is_open.set()
        page.locator("body[data-state=result]").wait_for()
        while len(asked) < 4:
            page.wait_for_event("request", lambda request: "/recognize" in request.url)
        assert gate.most == 1


def test_when_it_is_stopped_the_camera_is_let_go_and_the_last_picture_stays(camera_page):
    page = camera_page()
    start(page)
    assert tracks(page) == ["live"]
    page.locator("#stop-camera").press("Enter")
    page.locator("body:not([data-camera]) #picture").wait_for()
    assert tracks(page) == ["ended"]
    assert page.locator("#camera").is_hidden()
    assert page.locator(".box").count() == 1
    assert page.evaluate("() => document.activeElement.id") == "start-camera"
    with page.expect_download() as download:
        page.locator("#save-picture").click()
    assert download.value.suggested_filename == "camera-faces.jpg"


def test_when_the_page_is_hidden_the_camera_is_let_go(camera_page):
    page = camera_page()
    start(page)
    page.evaluate(
        """() => {
          Object.defineProperty(document, "hidden", { value: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    page.locator("body:not([data-camera])").wait_for()
    assert tracks(page) == ["ended"]


def test_a_picture_takes_the_cameras_place(camera_page, choose, faceless_path):
    page = camera_page()
    start(page)
    choose(page, faceless_path, "none")
    assert tracks(page) == ["ended"]
    assert page.locator("#camera").is_hidden()
    assert page.locator("#picture").is_visible()


def test_the_camera_may_be_stopped_and_started_at_once(camera_page):
    page = camera_page()
    start(page)
    page.evaluate("() => ['stop-camera', 'start-camera'].forEach((id) => document.getElementById(id).click())")
    page.locator("body[data-camera][data-state=result]").wait_for()
    assert page.locator("#picture").is_hidden()
    assert tracks(page) == ["ended", "live"]


def test_two_clicks_leave_one_camera_running(camera_page):
    page = camera_page()
    page.evaluate("() => { const start = document.getElementById('start-camera'); start.click(); start.click(); }")
    page.locator("body[data-camera][data-state=result]").wait_for()
    assert sorted(tracks(page)) == ["ended", "live"]


@pytest.mark.parametrize(
    ("error", "words"),
    [("NotAllowedError", "may not use it"), ("NotFoundError", "has none"), ("NotReadableError", "Another program")],
)
def test_without_a_camera_the_page_says_why(open_page, error, words):
    refuse = f"navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{error}'));"
    page = open_page(prepare=lambda page: page.add_init_script(refuse))
    page.locator("#start-camera").click()
    page.locator("body[data-state=error]").wait_for()
    assert page.locator("#message-title").inner_text() == "The camera can’t be used"
    assert words in page.locator("#message-detail").inner_text()
    assert page.locator("#start-camera").is_visible()


def test_a_busy_server_is_asked_again_and_the_camera_goes_on(
    serving, gate, open_page, camera_page, choose, astronaut_path
):
    with serving(EmotionRecognizer(gate), workers=1, queue=0) as server:
        other, page = open_page(server.address), camera_page(server.address)
        choose(other, astronaut_path, "working")
        assert gate.reached.acquire(timeout=15)
        with page.expect_response(lambda response: response.status == 429):
            page.locator("#start-camera").click()
        page.get_by_role("status").get_by_text("Trying again").wait_for()
        gate.is_open.set()
        page.locator("body[data-camera][data-state=result]").wait_for()


def test_when_the_server_is_gone_the_camera_is_let_go(serving, camera_page):
    with serving() as server:
        page = camera_page(server.address)
        start(page)
    page.locator("body:not([data-camera])[data-state=error]").wait_for()
    assert page.locator("#message-title").inner_text() == "The server can’t be reached"
    assert tracks(page) == ["ended"]

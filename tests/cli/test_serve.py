"""``fer-toolkit serve``, as a process that is asked and ended."""

import re
import signal
import socket
import sys

import pytest
import requests

for package in ("flask", "waitress"):
    pytest.importorskip(package, reason='needs "fer-toolkit[web]"')

HERE = ("--detector", "haar", "--port", "0")


@pytest.fixture
def serving(start):
    """A function from options to the process and the address that it says."""

    def serving(*options):
        process = start("serve", *HERE, *options)
        line = process.stdout.readline().decode()
        address = re.fullmatch(r"Serving on (http://\S+) \(Ctrl-C ends it\)\n", line)
        assert address, process.stderr.read()
        return process, address[1]

    return serving


def end(process, number=signal.SIGTERM):
    """Exit status and standard error."""
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without telling it")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_the_page_and_the_api_until_it_is_told_to_end(serving, astronaut_path, number):
    process, address = serving()
    assert address.startswith("http://127.0.0.1:")
    assert "<!doctype html>" in requests.get(address, timeout=30).text
    with astronaut_path.open("rb") as picture:
        answer = requests.post(f"{address}api/v1/recognize", files={"image": ("my-name.jpg", picture)}, timeout=30)
    assert (answer.json()["detector"], len(answer.json()["faces"])) == ("haar", 1)
    status, errors = end(process, number)
    assert status == 0
    assert [re.sub(r"^\S+ |\d+ ms$", "", line) for line in errors.splitlines()] == [
        "GET page 200 ",
        "POST recognize 200 ",
    ]


def test_the_options_are_the_settings(serving, astronaut_path, tmp_path):
    folder = tmp_path / "uploads"
    options = (
        "--token",
        "right",
        "--cors",
        "https://example.org",
        "--cors",
        "https://example.com",
        "--save-uploads",
        folder,
    )
    _, address = serving(*options, "--max-bytes", "200000", "--max-pixels", "300000")
    headers = {"Authorization": "Bearer right", "Origin": "https://example.com", "Content-Type": "image/jpeg"}

    def post(body, **others):
        return requests.post(f"{address}api/v1/recognize", body, headers=headers | others, timeout=30)

    picture = astronaut_path.read_bytes()
    answer = post(picture)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://example.com")
    assert [each.read_bytes() == picture for each in folder.iterdir()] == [True]
    assert post(picture, Authorization="Bearer wrong").status_code == 401
    assert post(bytes(200_001)).status_code == 413


def test_the_token_may_be_in_the_environment(serving, monkeypatch):
    monkeypatch.setenv("FER_TOOLKIT_TOKEN", "right")
    _, address = serving()
    assert requests.get(f"{address}api/v1/models", timeout=30).status_code == 401


def test_a_port_that_is_taken_is_a_clear_error(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", "--detector", "haar", "--port", port)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: can't listen on port {port} of '127.0.0.1': Address already in use; choose another host or port\n"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without telling it")
@pytest.mark.parametrize(("options", "warns"), [((), True), (("--token", "right"), False)])
def test_to_listen_beyond_this_machine_without_a_token_warns(serving, options, warns):
    process, address = serving("--host", "0.0.0.0", *options)
    warning = f"Warning: whoever reaches {address} may use it: give a --token, or listen on 127.0.0.1\n"
    assert end(process) == (0, warning if warns else "")


@pytest.mark.parametrize(
    ("options", "said"), [(("--timeout", "0"), "timeout must be"), (("--token", "two words"), "token must be")]
)
def test_a_wrong_option_is_wrong_usage(run, options, said):
    result = run("serve", *HERE, *options)
    assert (result.exit_code, said in result.stderr) == (2, True)

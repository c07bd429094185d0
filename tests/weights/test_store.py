import gzip
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pooch
import pytest

from fer_toolkit import weights
from fer_toolkit.errors import CacheError, CardError, DownloadError, IntegrityError, OptionError, UnknownNameError
from fer_toolkit.weights import _download, store

from .conftest import CONTENT, sends

BAD = b"?" * len(CONTENT)
LEFT = ".0123456789abcdef.draft-tiny.bin"  # by a process that was killed
BOMB = gzip.compress(gzip.compress(gzip.compress(bytes(2**26))))


def listing(folder):
    """Names of all that is in a folder, hidden or not; none where there is no folder."""
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def put(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def run_python(script, *arguments):
    """Start a Python of its own with this one's environment."""
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


FETCH = """
import json, sys
from fer_toolkit.cards import WeightsCard
from fer_toolkit.weights import path
print(path(WeightsCard.from_dict(json.loads(sys.argv[1]), where="test")))
"""


class TestFetching:
    def test_a_file_is_fetched_into_the_cache_and_then_used_from_there(self, host, cache, make_card):
        card = make_card(host.answers("/tiny.bin", sends()))
        assert weights.path(card) == cache / "tiny.bin"
        assert weights.path(card).read_bytes() == CONTENT
        assert host.asked == ["/tiny.bin"]
        assert listing(cache) == ["tiny.bin"]

    def test_several_are_fetched_in_their_order(self, host, cache, make_card):
        card = make_card(host.answers("/tiny.bin", sends()))
        assert weights.fetch([card, card]) == [cache / "tiny.bin"] * 2

    def test_the_time_given_to_several_is_that_of_each(self, cache, make_card):
        with pytest.raises(OptionError, match="timeout must be a number of seconds above 0"):
            weights.fetch([make_card()], timeout=0)

    def test_a_length_that_the_card_does_not_know_is_not_checked(self, host, cache, make_card):
        card = make_card(host.answers("/tiny.bin", sends(length=-1)), bytes=0)
        assert weights.path(card).read_bytes() == CONTENT

    def test_a_redirect_is_followed(self, host, cache, make_card):
        there = host.answers("/there", sends())
        card = make_card(host.answers("/here", sends(b"", status=302, headers=[("Location", there)])))
        assert weights.path(card).read_bytes() == CONTENT

    def test_the_second_address_is_asked_when_the_first_fails(self, host, cache, make_card):
        card = make_card(host.answers("/bad", sends(BAD)), host.answers("/good", sends()))
        assert weights.path(card).read_bytes() == CONTENT
        assert host.asked == ["/bad", "/good"]
        assert listing(cache) == ["tiny.bin"]

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
    def test_the_file_has_the_permissions_of_any_new_file(self, host, cache, make_card, tmp_path):
        file = weights.path(make_card(host.answers("/tiny.bin", sends())))
        assert file.stat().st_mode == put(tmp_path / "any", b"").stat().st_mode

    def test_progress_is_logged(self, host, cache, make_card, caplog):
        caplog.set_level("INFO", "fer_toolkit")
        weights.path(make_card(host.answers("/tiny.bin", sends())))
        first, *_, fetched, kept = caplog.messages
        assert first == f"fetching tiny-1 from {host.url}/tiny.bin"
        assert fetched == f"tiny-1: {len(CONTENT)} of {len(CONTENT)} bytes"
        assert kept == f"tiny-1 is kept as {cache / 'tiny.bin'}"

    def test_eight_processes_that_fetch_at_once_all_get_the_good_file(self, host, cache, make_card):
        together = threading.Barrier(8)

        def answer(handler):
            together.wait(60)
            sends()(handler)

        card = make_card(host.answers("/tiny.bin", answer))
        processes = [run_python(FETCH, json.dumps(card.to_dict())) for _ in range(8)]
        outputs = [process.communicate(timeout=120) for process in processes]
        assert outputs == [(f"{cache / 'tiny.bin'}\n", "")] * 8
        assert len(host.asked) == 8
        assert (cache / "tiny.bin").read_bytes() == CONTENT
        assert listing(cache) == ["tiny.bin"]


class TestBadHosts:
    """Whatever a host does, there is a clear error and nothing is left in the cache."""

    @pytest.mark.parametrize(
        ("answer", "error", "message"),
        [
            (sends(status=404), DownloadError, "answered 404 Not Found"),
            (sends(status=500), DownloadError, "answered 500 Internal Server Error"),
            (sends(CONTENT[:5000], length=len(CONTENT)), DownloadError, "5000 bytes read, 20600 more expected"),
            (sends(CONTENT[:5000], length=-1), IntegrityError, "sent 5000 of 25600 bytes"),
            (sends(b""), IntegrityError, "sent 0 of 25600 bytes"),
            (sends(BAD), IntegrityError, r"sha256 \w{64}, expected \w{64}"),
            (sends(CONTENT + b"1"), IntegrityError, "sent more than the 25600 bytes expected"),
            (sends(b"<!DOCTYPE html><p>Log in"), IntegrityError, "begins like a web page"),
            (sends(b"version https://git-lfs.github.com/spec/v1\n"), IntegrityError, "Git LFS pointer"),
            (sends(length="many"), DownloadError, "many"),
            (sends(headers=[("Content-Encoding", "gzip")]), DownloadError, "sends the file compressed"),
            (sends(gzip.compress(CONTENT), headers=[("Content-Encoding", "gzip")]), DownloadError, "file compressed"),
            (sends(BOMB, headers=[("Content-Encoding", "gzip, gzip, gzip")]), DownloadError, "file compressed"),
            (lambda handler: handler.wfile.write(b"SSH-2.0\r\n"), DownloadError, "SSH-2.0"),
            (lambda handler: None, DownloadError, "closed connection"),
        ],
    )
    def test_a_wrong_answer_is_refused(self, host, cache, make_card, answer, error, message):
        url = host.answers("/tiny.bin", answer)
        with pytest.raises(error, match=rf"'tiny-1' can't be had:\n  {url}: .*{message}") as raised:
            weights.path(make_card(url))
        assert "fer-toolkit models fetch tiny-1" in str(raised.value)
        assert "FER_TOOLKIT_MIRROR" in str(raised.value)
        assert listing(cache) == []

    @pytest.mark.parametrize("length", [len(CONTENT), 0])
    def test_an_endless_stream_is_cut(self, host, cache, make_card, monkeypatch, length):
        monkeypatch.setattr(_download, "LONGEST_UNKNOWN", 2**20)

        def answer(handler):
            sends(b"", length=-1)(handler)
            while not host.closing.is_set():
                handler.wfile.write(BAD)

        with pytest.raises(IntegrityError, match="sent more than"):
            weights.path(make_card(host.answers("/tiny.bin", answer), bytes=length))
        assert listing(cache) == []

    def test_the_body_of_a_refusal_is_not_waited_for(self, host, cache, make_card):
        def answer(handler):
            sends(BAD, status=503, length=10**12)(handler)
            host.closing.wait()

        with pytest.raises(DownloadError, match="answered 503"):
            weights.path(make_card(host.answers("/tiny.bin", answer)))

    @pytest.mark.parametrize("location", ["file:///etc/hosts", "ftp://127.0.0.1/tiny.bin"])
    def test_a_redirect_may_only_lead_to_http(self, host, cache, make_card, location):
        redirect = sends(b"", status=302, headers=[("Location", location)])
        with pytest.raises(DownloadError, match=f"No connection adapters were found for '{location}'"):
            weights.path(make_card(host.answers("/tiny.bin", redirect)))
        assert listing(cache) == []

    def test_redirects_in_a_circle_end(self, host, cache, make_card):
        redirect = sends(b"", status=302, headers=[("Location", "/tiny.bin")])
        with pytest.raises(DownloadError, match="Exceeded 30 redirects"):
            weights.path(make_card(host.answers("/tiny.bin", redirect)))

    def test_the_body_of_a_redirect_is_not_waited_for(self, host, cache, make_card):
        there = host.answers("/there", sends())

        def answer(handler):
            sends(BAD, status=302, length=10**12, headers=[("Location", there)])(handler)
            host.closing.wait()

        assert weights.path(make_card(host.answers("/tiny.bin", answer))).read_bytes() == CONTENT

    def test_a_host_that_is_unreachable_is_named(self, closed_port, cache, make_card):
        with pytest.raises(DownloadError, match=rf"{closed_port}/tiny\.bin: .*refused"):
            weights.path(make_card(f"{closed_port}/tiny.bin"))
        assert listing(cache) == []

    def test_all_addresses_are_named_when_all_fail(self, host, closed_port, cache, make_card):
        card = make_card(host.answers("/tiny.bin", sends(BAD)), f"{closed_port}/tiny.bin")
        with pytest.raises(DownloadError, match=r"(?s)/tiny\.bin: sent .*/tiny\.bin: .*refused"):
            weights.path(card)

    @pytest.mark.parametrize("sent", [None, b"", CONTENT[:5000]])
    def test_a_host_that_falls_silent_is_given_up(self, host, cache, make_card, sent):
        def answer(handler):
            if sent is not None:
                sends(sent, length=len(CONTENT))(handler)
            host.closing.wait()

        with pytest.raises(DownloadError, match="timed out"):
            weights.path(make_card(host.answers("/tiny.bin", answer)), timeout=0.2)
        assert listing(cache) == []

    def test_a_host_that_sends_a_byte_now_and_then_is_given_up(self, host, cache, make_card):
        def answer(handler):
            sends(b"", length=len(CONTENT))(handler)
            while not host.closing.wait(0.05):
                handler.wfile.write(b"?")

        with pytest.raises(DownloadError, match="timed out"):
            weights.path(make_card(host.answers("/tiny.bin", answer)), timeout=0.3)
        assert listing(cache) == []

    @pytest.mark.skipif(os.name == "nt", reason="Windows can't interrupt a wait")
    def test_an_interrupted_download_leaves_nothing(self, host, cache, make_card):
        def answer(handler):
            sends(CONTENT[:5000], length=len(CONTENT))(handler)
            os.kill(os.getpid(), signal.SIGINT)
            host.closing.wait()

        card = make_card(host.answers("/tiny.bin", answer))
        with pytest.raises(KeyboardInterrupt):
            weights.path(card)
        assert listing(cache) == []

    @pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "1", None])
    def test_a_timeout_is_a_number_of_seconds(self, cache, make_card, timeout):
        with pytest.raises(OptionError, match="timeout must be a number of seconds above 0"):
            weights.path(make_card(), timeout=timeout)


class TestHttps:
    @pytest.fixture
    def trusted(self, secure_host, monkeypatch):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(secure_host.certificate))

    @pytest.mark.usefixtures("trusted")
    def test_a_file_is_fetched(self, secure_host, cache, make_card):
        assert weights.path(make_card(secure_host.answers("/tiny.bin", sends()))).read_bytes() == CONTENT

    @pytest.mark.usefixtures("trusted")
    def test_a_redirect_to_https_is_followed(self, secure_host, cache, make_card):
        secure_host.answers("/there", sends())
        card = make_card(secure_host.answers("/", sends(b"", status=302, headers=[("Location", "/there")])))
        assert weights.path(card).read_bytes() == CONTENT

    @pytest.mark.usefixtures("trusted")
    def test_a_redirect_to_http_is_not_followed(self, secure_host, host, cache, make_card):
        there = host.answers("/there", sends())
        card = make_card(secure_host.answers("/", sends(b"", status=302, headers=[("Location", there)])))
        with pytest.raises(DownloadError, match=f"redirects from https to {there}"):
            weights.path(card)
        assert host.asked == []

    def test_a_host_that_nobody_vouches_for_is_refused(self, secure_host, cache, make_card):
        """As one whose certificate has run out by this machine's clock."""
        with pytest.raises(DownloadError, match="certificate verify failed"):
            weights.path(make_card(secure_host.answers("/tiny.bin", sends())))
        assert secure_host.asked == []


class TestCache:
    def test_a_corrupt_file_is_fetched_again_with_a_warning(self, host, cache, make_card, caplog):
        put(cache / "tiny.bin", BAD)
        assert weights.path(make_card(host.answers("/tiny.bin", sends()))).read_bytes() == CONTENT
        file = cache / "tiny.bin"
        assert caplog.messages[0] == f"{file} is damaged (its bytes are not those of 'tiny-1') and is fetched again"
        assert listing(cache) == ["tiny.bin"]

    def test_a_corrupt_file_goes_even_when_no_good_one_can_be_had(self, closed_port, cache, make_card):
        put(cache / "tiny.bin", BAD)
        with pytest.raises(DownloadError):
            weights.path(make_card(f"{closed_port}/tiny.bin"))
        assert listing(cache) == []

    def test_what_another_process_puts_there_meanwhile_is_used(self, host, cache, make_card):
        def answer(handler):
            put(cache / "tiny.bin", CONTENT)
            sends(status=503)(handler)

        assert weights.path(make_card(host.answers("/tiny.bin", answer))) == cache / "tiny.bin"
        assert listing(cache) == ["tiny.bin"]

    def test_a_file_that_stays_as_it_is_is_read_only_once(self, cache, make_card, monkeypatch):
        file, read, digest = put(cache / "tiny.bin", CONTENT), [], store._sha256
        monkeypatch.setattr(store, "_sha256", lambda path: read.append(path) or digest(path))
        assert weights.path(make_card()) == weights.path(make_card()) == file
        assert read == [file]

    def test_a_file_that_changes_after_it_was_checked_is_checked_again(self, host, cache, make_card):
        card = make_card(host.answers("/tiny.bin", sends()))
        weights.path(card).write_bytes(CONTENT[:-1] + b"!")
        assert weights.path(card).read_bytes() == CONTENT

    def test_so_is_one_whose_time_of_change_was_set_back(self, host, cache, make_card):
        card = make_card(host.answers("/tiny.bin", sends()))
        file = weights.path(card)
        before = file.stat()
        file.write_bytes(BAD)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert weights.path(card).read_bytes() == CONTENT

    def test_what_the_disk_did_not_keep_is_not_handed_out(self, host, cache, make_card, monkeypatch):
        monkeypatch.setattr(os, "fsync", lambda descriptor: os.write(descriptor, b"!"))
        with pytest.raises(CacheError, match=r"tiny\.bin does not hold what was written to it"):
            weights.path(make_card(host.answers("/tiny.bin", sends())))

    def test_two_versions_of_a_file_take_turns_and_are_never_mixed_up(self, host, cache, make_card):
        old = make_card(host.answers("/old", sends(BAD)), content=BAD)
        new = make_card(host.answers("/new", sends()))
        assert [weights.path(card).read_bytes() for card in (old, new, old, new)] == [BAD, CONTENT, BAD, CONTENT]

    @pytest.mark.parametrize("now", [0, 2**33])
    def test_a_clock_that_is_wrong_stops_nothing(self, host, cache, make_card, monkeypatch, now):
        put(cache / LEFT, BAD)
        monkeypatch.setattr(time, "time", lambda: now)
        assert weights.path(make_card(host.answers("/tiny.bin", sends()))).read_bytes() == CONTENT

    def test_what_killed_processes_left_is_removed(self, host, cache, make_card):
        os.utime(put(cache / LEFT, BAD), (0, 0))
        weights.path(make_card(host.answers("/tiny.bin", sends())))
        assert listing(cache) == ["tiny.bin"]

    def test_what_can_not_be_removed_stops_nothing(self, host, cache, make_card):
        folder = cache / LEFT
        folder.mkdir(parents=True)
        os.utime(folder, (0, 0))
        assert weights.path(make_card(host.answers("/tiny.bin", sends()))).read_bytes() == CONTENT

    @pytest.mark.parametrize("place", ["file", "below a file"])
    def test_a_cache_that_can_be_no_folder_is_an_error(self, host, cache, make_card, place, monkeypatch):
        put(cache, b"a file")
        if place == "below a file":
            monkeypatch.setenv("FER_TOOLKIT_CACHE", str(cache / "below"))
        with pytest.raises(
            CacheError, match=r"'tiny-1' \(\d+ bytes\) can't be kept: .*cache.* can't be written: .*FER_TOOLKIT_CACHE"
        ):
            weights.path(make_card(host.answers("/tiny.bin", sends())))
        assert cache.read_bytes() == b"a file"
        assert host.asked == []

    def test_what_can_t_be_kept_is_named_with_its_size_if_that_is_known(self, host, cache, make_card):
        put(cache, b"a file")
        url = host.answers("/tiny.bin", sends())
        for size, known in ((f" ({len(CONTENT)} bytes)", len(CONTENT)), ("", 0)):
            with pytest.raises(CacheError) as raised:
                weights.path(make_card(url, bytes=known))
            assert str(raised.value).startswith(f"the weights 'tiny-1'{size} can't be kept: {cache}")
            assert str(raised.value).endswith(". FER_TOOLKIT_CACHE names another folder to keep them in")

    def test_a_folder_in_the_place_of_the_file_is_an_error(self, host, cache, make_card):
        (cache / "tiny.bin").mkdir(parents=True)
        with pytest.raises(CacheError, match="can't be written"):
            weights.path(make_card(host.answers("/tiny.bin", sends())))
        assert listing(cache) == ["tiny.bin"]

    def test_a_read_only_cache_is_an_error_before_the_network_is_asked(self, host, read_only, make_card):
        with pytest.raises(
            CacheError, match=r"'tiny-1' \(\d+ bytes\) can't be kept: .*FER_TOOLKIT_CACHE names another folder"
        ):
            weights.path(make_card(host.answers("/tiny.bin", sends())))
        assert host.asked == []

    def test_a_full_disk_is_an_error_and_nothing_is_left(self, host, full_disk, make_card):
        with pytest.raises(
            CacheError, match=r"\d+ bytes\) can't be kept: .* can't be written: No space left on device"
        ):
            weights.path(make_card(host.answers("/tiny.bin", sends())))
        assert listing(full_disk) == []

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
    def test_a_file_that_outgrows_what_may_be_written_leaves_nothing(self, host, cache, make_card):
        limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n{FETCH}"
        process = run_python(limit, json.dumps(make_card(host.answers("/tiny.bin", sends())).to_dict()))
        assert "CacheError: the weights 'tiny-1' (" in process.communicate(timeout=60)[1]
        assert listing(cache) == []


class TestOtherOwners:
    """In a folder that many users share, a file of another one is believed no more than a host is."""

    @pytest.fixture
    def shared(self, cache, monkeypatch):
        """A folder in which anyone may write, but not in another's place."""
        if os.name == "nt" or os.geteuid() != 0:
            pytest.skip("only root can be two users")
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o1777)
            monkeypatch.setenv("FER_TOOLKIT_CACHE", folder)
            yield Path(folder)

    @pytest.fixture
    def somebody(self):
        """Become a user with few rights, when called."""
        yield lambda: os.seteuid(65534)
        os.seteuid(0)

    def test_a_good_one_is_used(self, shared, somebody, make_card):
        put(shared / "tiny.bin", CONTENT)
        somebody()
        assert weights.path(make_card()).read_bytes() == CONTENT

    @pytest.mark.parametrize("mode", [0o644, 0o000])
    def test_a_bad_one_or_one_that_can_not_be_read_is_never_used(self, host, shared, somebody, make_card, mode):
        put(shared / "tiny.bin", BAD).chmod(mode)
        card = make_card(host.answers("/tiny.bin", sends()))
        somebody()
        with pytest.raises(CacheError, match=r"tiny\.bin can't be written: Operation not permitted"):
            weights.path(card)
        assert not weights.is_available_offline(card)


class TestLinks:
    @pytest.fixture(autouse=True)
    def linked(self, cache, tmp_path):
        """A link in the cache, to a file outside of it."""
        cache.mkdir()
        outside = tmp_path / "outside.bin"
        try:
            (cache / "tiny.bin").symlink_to(outside)
        except OSError:
            pytest.skip("links can't be made here")
        return outside

    def test_a_link_to_a_good_file_is_used(self, linked, cache, make_card):
        linked.write_bytes(CONTENT)
        assert weights.path(make_card()) == cache / "tiny.bin"

    @pytest.mark.parametrize("content", [BAD, None])
    def test_any_other_link_is_replaced_and_never_written_through(self, linked, host, cache, make_card, content):
        if content is not None:
            linked.write_bytes(content)
        assert weights.path(make_card(host.answers("/tiny.bin", sends()))).read_bytes() == CONTENT
        assert not (cache / "tiny.bin").is_symlink()
        assert (linked.read_bytes() if linked.exists() else None) == content

    def test_of_a_link_to_a_bad_file_only_the_link_is_removed(self, linked, cache, make_card):
        linked.write_bytes(BAD)
        with pytest.raises(DownloadError):
            weights.path(make_card())
        assert listing(cache) == []
        assert linked.read_bytes() == BAD


class TestOffline:
    @pytest.mark.parametrize("value", ["1", "true", "YES"])
    def test_the_network_is_not_asked(self, host, cache, make_card, monkeypatch, value):
        monkeypatch.setenv("FER_TOOLKIT_OFFLINE", value)
        assert weights.is_offline()
        with pytest.raises(DownloadError, match="'tiny-1' can't be had:\n  FER_TOOLKIT_OFFLINE forbids"):
            weights.path(make_card(host.answers("/tiny.bin", sends())))
        assert host.asked == []

    @pytest.mark.parametrize("value", ["", "0", "false", "No", " off "])
    def test_it_can_be_switched_off(self, cache, monkeypatch, value):
        monkeypatch.setenv("FER_TOOLKIT_OFFLINE", value)
        assert not weights.is_offline()

    def test_a_mirror_at_an_address_is_not_asked_either(self, host, cache, make_card, monkeypatch):
        host.answers("/tiny.bin", sends())
        monkeypatch.setenv("FER_TOOLKIT_OFFLINE", "1")
        monkeypatch.setenv("FER_TOOLKIT_MIRROR", host.url)
        with pytest.raises(DownloadError, match="FER_TOOLKIT_OFFLINE"):
            weights.path(make_card())
        assert host.asked == []

    def test_files_of_the_cache_and_of_a_mirror_folder_are_available(self, cache, make_card, monkeypatch, tmp_path):
        monkeypatch.setenv("FER_TOOLKIT_OFFLINE", "1")
        card = make_card("https://example.org/tiny.bin")
        assert not weights.is_available_offline(card)
        put(tmp_path / "mirror" / "tiny.bin", CONTENT)
        monkeypatch.setenv("FER_TOOLKIT_MIRROR", str(tmp_path / "mirror"))
        assert weights.is_available_offline(card)
        assert weights.path(card) == cache / "tiny.bin"
        monkeypatch.delenv("FER_TOOLKIT_MIRROR")
        assert weights.is_available_offline(card)

    def test_a_corrupt_file_is_not_available(self, cache, make_card):
        put(cache / "tiny.bin", BAD)
        assert not weights.is_available_offline(make_card())
        assert listing(cache) == ["tiny.bin"]


class TestMirror:
    @pytest.fixture
    def folder(self, monkeypatch, tmp_path):
        monkeypatch.setenv("FER_TOOLKIT_MIRROR", str(tmp_path / "mirror"))
        return put(tmp_path / "mirror" / "tiny.bin", CONTENT).parent

    def test_a_folder_replaces_the_hosts(self, host, cache, folder, make_card):
        assert weights.mirror() == str(folder)
        file = weights.path(make_card(host.answers("/tiny.bin", sends())))
        assert file == cache / "tiny.bin"
        assert file.read_bytes() == CONTENT
        assert host.asked == []

    def test_a_folder_may_be_given_as_a_file_address(self, cache, folder, make_card, monkeypatch):
        monkeypatch.setenv("FER_TOOLKIT_MIRROR", folder.as_uri())
        assert weights.path(make_card()).read_bytes() == CONTENT

    def test_the_sha256_still_rules(self, cache, folder, make_card):
        put(folder / "tiny.bin", BAD)
        with pytest.raises(IntegrityError, match=r"tiny\.bin: sent 25600 of 25600 bytes with sha256"):
            weights.path(make_card())
        assert listing(cache) == []

    def test_the_hosts_are_not_asked_for_what_a_mirror_lacks(self, host, cache, folder, make_card):
        (folder / "tiny.bin").unlink()
        with pytest.raises(DownloadError, match=r"mirror.tiny\.bin: can't be read: No such file"):
            weights.path(make_card(host.answers("/tiny.bin", sends())))
        assert host.asked == []
        assert listing(cache) == []

    def test_a_mirrors_file_is_used_where_it_is_when_the_cache_can_not_be_written(self, cache, folder, make_card):
        put(cache, b"a file")
        assert weights.path(make_card()) == folder / "tiny.bin"

    @pytest.mark.parametrize(
        ("ending", "asked"),
        [
            ("", "/tiny.bin"),
            ("/weights", "/weights/tiny.bin"),
            ("/weights//", "/weights/tiny.bin"),
            ("/X", "/X/tiny.bin"),
            ("/weights?token=hush", "/weights/tiny.bin?token=hush"),
        ],
    )
    @pytest.mark.parametrize("scheme", ["http", "HTTP"])
    def test_an_address_replaces_the_hosts(self, host, cache, make_card, monkeypatch, scheme, ending, asked):
        host.answers(asked, sends())
        monkeypatch.setenv("FER_TOOLKIT_MIRROR", host.url.replace("http", scheme) + ending)
        assert weights.path(make_card("https://example.org/tiny.bin")).read_bytes() == CONTENT

    def test_an_address_may_be_one_of_https(self, secure_host, cache, make_card, monkeypatch):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(secure_host.certificate))
        secure_host.answers("/tiny.bin", sends())
        monkeypatch.setenv("FER_TOOLKIT_MIRROR", secure_host.url)
        assert weights.path(make_card()).read_bytes() == CONTENT

    def test_the_secrets_of_an_address_are_not_shown(self, host, cache, make_card, monkeypatch, caplog):
        caplog.set_level("DEBUG", "fer_toolkit")
        host.answers("/tiny.bin?token=hush", sends(status=403))
        monkeypatch.setenv("FER_TOOLKIT_MIRROR", host.url.replace("://", "://me:hush@") + "?token=hush")
        with pytest.raises(DownloadError, match="answered 403 Forbidden") as raised:
            weights.path(make_card())
        assert "hush" not in str(raised.value) + caplog.text

    @pytest.mark.parametrize(("place", "shown"), [("s3://me:hush@bucket", "s3://bucket"), ("http://[", "http://[")])
    def test_what_is_neither_folder_nor_address_is_refused(self, cache, make_card, monkeypatch, place, shown):
        monkeypatch.setenv("FER_TOOLKIT_MIRROR", place)
        with pytest.raises(DownloadError, match=rf"FER_TOOLKIT_MIRROR must be a folder.*'{re.escape(shown)}'"):
            weights.path(make_card())


class TestCheck:
    def test_a_file_of_its_card_passes_wherever_it_is(self, make_card, tmp_path):
        weights.check(put(tmp_path / "mine", CONTENT), make_card())

    @pytest.mark.parametrize("content", [BAD, b"", None])
    def test_another_file_or_none_is_refused(self, make_card, tmp_path, content):
        if content is not None:
            put(tmp_path / "mine", content)
        card = make_card()
        with pytest.raises(IntegrityError) as raised:
            weights.check(tmp_path / "mine", card)
        assert str(raised.value) == (
            f"{tmp_path / 'mine'} is not the file that its card 'tiny-1' was made for, whose sha256 is {card.sha256}. "
            "It was damaged or changed: get it anew, or correct the card"
        )


class TestPlaces:
    def test_the_cache_is_where_pooch_would_have_it(self, cache, monkeypatch):
        monkeypatch.delenv("FER_TOOLKIT_CACHE")
        assert weights.cache_dir() == pooch.os_cache("fer-toolkit")

    def test_the_cache_may_be_below_the_home_folder(self, cache, monkeypatch):
        monkeypatch.setenv("FER_TOOLKIT_CACHE", "~/weights")
        assert weights.cache_dir() == Path.home() / "weights"

    def test_nothing_is_written_before_a_file_is_asked_for(self, cache):
        weights.card("ferplus-8")
        weights.is_available_offline("ferplus-8")
        assert not cache.exists()

    def test_a_cached_file_is_found_without_importing_pooch_or_requests(self, cache, make_card):
        put(cache / "tiny.bin", CONTENT)
        script = f"{FETCH}\nprint({{'pooch', 'requests', 'urllib.request'}} & set(sys.modules))"
        process = run_python(script, json.dumps(make_card().to_dict()))
        assert process.communicate(timeout=60) == (f"{cache / 'tiny.bin'}\nset()\n", "")

    def test_a_bundled_file_is_used_where_it_is(self, cache, make_card, monkeypatch, tmp_path):
        monkeypatch.setattr(store, "_BUNDLED", tmp_path)
        put(tmp_path / "tiny.bin", CONTENT)
        assert weights.is_available_offline(make_card(bundled=True))
        assert weights.path(make_card(bundled=True)) == tmp_path / "tiny.bin"
        assert not cache.exists()

    @pytest.mark.parametrize("content", [BAD, None])
    def test_a_damaged_bundled_file_asks_for_a_new_installation(self, cache, make_card, monkeypatch, tmp_path, content):
        monkeypatch.setattr(store, "_BUNDLED", tmp_path)
        if content is not None:
            put(tmp_path / "tiny.bin", content)
        with pytest.raises(IntegrityError) as raised:
            weights.path(make_card(bundled=True))
        assert str(raised.value) == (
            f"{tmp_path / 'tiny.bin'}, which fer-toolkit brings itself, is missing or damaged. "
            "Install it anew: pip install --force-reinstall --no-deps fer-toolkit"
        )

    def test_every_bundled_file_of_the_catalog_is_there(self, cache):
        for card in weights.catalog().values():
            if card.bundled:
                assert weights.path(card).is_file()

    def test_a_card_without_address_says_so(self, cache, make_card):
        with pytest.raises(DownloadError) as raised:
            weights.path(make_card())
        assert str(raised.value) == (
            "the weights 'tiny-1' can't be had:\n"
            "  its card names no address\n"
            "Where there is internet, run `fer-toolkit models fetch tiny-1`, "
            f"and bring the file to {cache / 'tiny.bin'}; "
            "or set FER_TOOLKIT_MIRROR to a folder or an address that has tiny.bin"
        )

    def test_a_card_without_sha256_is_refused(self, cache, make_card):
        with pytest.raises(CardError, match="'tiny-1' has no sha256"):
            weights.path(make_card(sha256=""))

    @pytest.mark.parametrize("function", [weights.path, weights.is_available_offline])
    def test_an_unknown_name_is_refused(self, cache, function):
        with pytest.raises(UnknownNameError, match="Did you mean 'yunet-2026may'"):
            function("yunet-2026")


MIRROR = os.environ.get("FER_TOOLKIT_MIRROR")


@pytest.mark.skipif(not (MIRROR and Path(MIRROR).is_dir()), reason="FER_TOOLKIT_MIRROR names no folder of real weights")
def test_the_real_files_are_those_of_the_catalog(cache, monkeypatch):
    monkeypatch.setenv("FER_TOOLKIT_MIRROR", MIRROR)
    there = [card for card in weights.catalog().values() if (Path(MIRROR) / card.file).exists()]
    assert {file.name for file in weights.fetch(there)} == {card.file for card in there}
    assert {"yunet-2026may", "mini-xception-1"} <= {card.name for card in there}

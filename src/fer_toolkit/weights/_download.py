"""One file from one place, checked while it arrives: over HTTP by Pooch, or from a folder."""

from __future__ import annotations

import hashlib
import logging
import threading
from pathlib import Path
from typing import Any, BinaryIO

from fer_toolkit._addresses import without_secrets
from fer_toolkit._messages import describe_error
from fer_toolkit.cards import WeightsCard
from fer_toolkit.errors import CacheError, DownloadError, IntegrityError, WeightsError

LEAST_SPEED = 1000
"""Bytes a second, over one time-out, below which a download is given up."""

LONGEST_UNKNOWN = 2**30
"""Bytes after which a file is too long if its card doesn't know its length."""

_log = logging.getLogger("fer_toolkit")


class CheckedFile:
    """A file that takes no more bytes than its card says, and knows whether they were the right ones.

    Parameters
    ----------
    file
        Open for writing.
    card
        What should arrive.
    """

    def __init__(self, file: BinaryIO, card: WeightsCard) -> None:
        self.received = 0
        self._file = file
        self._card = card
        self._hash = hashlib.sha256()
        self._head = b""

    def write(self, chunk: bytes) -> int:
        """Write the next bytes.

        Raises
        ------
        IntegrityError
            If they are more than the card says.
        CacheError
            If they can't be written.
        """
        before, self.received = self.received, self.received + len(chunk)
        self._head = self._head or chunk[:256]
        limit = self._card.bytes or LONGEST_UNKNOWN
        if self.received > limit:
            raise IntegrityError(f"sent more than the {limit} bytes expected{self._suspicion()}")
        self._hash.update(chunk)
        if self.received * 10 // limit > before * 10 // limit:
            _log.info("%s: %d of %d bytes", self._card.name, self.received, limit)
        try:
            return self._file.write(chunk)
        except OSError as error:
            raise CacheError(f"the file in the cache can't be written: {describe_error(error)}") from error

    def flush(self) -> None:
        """Do nothing: Pooch asks for it after every chunk, and the file is flushed once, when it is whole."""

    def check(self) -> None:
        """Raise :class:`IntegrityError` unless all bytes have arrived, and are the card's."""
        received, expected = self._hash.hexdigest(), self._card.sha256
        if received != expected:
            length = f" of {self._card.bytes}" if self._card.bytes else ""
            raise IntegrityError(
                f"sent {self.received}{length} bytes with sha256 {received}, expected {expected}{self._suspicion()}"
            )

    def _suspicion(self) -> str:
        """What the wrong bytes may be: two mistakes that are common, and hard to guess from a hash."""
        head = self._head.lstrip().lower()
        if head.startswith((b"<!doctype html", b"<html")):
            return " (it begins like a web page: of a proxy, or a login?)"
        if head.startswith(b"version https://git-lfs"):
            return " (it is a Git LFS pointer, not the file itself)"
        return ""


def copy(file: Path, target: CheckedFile) -> None:
    """Copy a file of a mirror folder.

    Raises
    ------
    DownloadError
        If it can't be read.
    IntegrityError, CacheError
        As :class:`CheckedFile` does.
    """
    try:
        with file.open("rb") as source:
            while chunk := source.read(2**20):
                target.write(chunk)
    except OSError as error:  # of the source alone: the target's are CacheErrors by now
        raise DownloadError(f"can't be read: {describe_error(error)}") from error
    target.check()


def download(url: str, target: CheckedFile, *, timeout: float) -> None:
    """Fetch an address.

    It runs in a thread of its own, watched from here, since no time-out of a socket ends a name look-up that hangs or a
    host that sends a byte now and then.

    Parameters
    ----------
    url
        http or https; so are all that it redirects to, and those that https redirects to are https.
    target
        Takes the bytes.
    timeout
        Seconds in which the host must answer, and then send at least :data:`LEAST_SPEED` bytes each.

    Raises
    ------
    DownloadError
        If the host can't be reached, refuses, breaks off, or is too slow.
    IntegrityError, CacheError
        As :class:`CheckedFile` does.
    """
    from pooch import HTTPDownloader  # only now: it is slow to import, and most runs fetch nothing

    responses: list[Any] = []
    failures: list[BaseException] = []

    def keep(response: Any, **_: Any) -> None:
        responses.append(response)
        _check_answer(response)
        if response.is_redirect:
            response.close()  # requests would read its body to the end, however long

    # Asked to send the file as it is, the host has no reason to compress it, and its bytes can be counted.
    downloader = HTTPDownloader(timeout=timeout, hooks={"response": keep}, headers={"Accept-Encoding": "identity"})

    def work() -> None:
        try:
            downloader(url, target, None)
        except BaseException as error:  # raised again by the thread that waits
            failures.append(error)
        finally:
            for response in responses:
                response.close()

    _watch(threading.Thread(target=work, name=f"fetching {without_secrets(url)}", daemon=True), target, timeout)
    if failures:
        raise _explained(failures[0], timeout)
    target.check()


def _check_answer(response: Any) -> None:
    """Refuse an answer by its head, before any of its body is read."""
    onward = response.headers.get("Location", "") if response.is_redirect else ""
    if response.url.lower().startswith("https:") and onward.lower().startswith("http:"):
        raise DownloadError(
            f"redirects from https to {without_secrets(onward)}, where anyone on the way could read along"
        )
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise DownloadError("sends the file compressed, though asked not to: it might unpack to any size")


def _watch(worker: threading.Thread, target: CheckedFile, timeout: float) -> None:
    """Let a thread run to its end, as long as it goes on."""
    worker.start()
    while worker.is_alive():
        before = target.received
        worker.join(timeout)
        if worker.is_alive() and target.received - before < LEAST_SPEED * timeout:
            # Left to itself, the worker ends at its next write, since the file is closed by then.
            raise DownloadError(f"timed out: sent {target.received - before} bytes in {timeout:g} s")


def _explained(error: BaseException, timeout: float) -> BaseException:
    """The error in our terms; those that are ours, or no errors of the transfer, as they are."""
    if isinstance(error, WeightsError) or not isinstance(error, Exception):
        return error
    from requests import HTTPError, Timeout

    if isinstance(error, HTTPError) and error.response is not None:
        explained = DownloadError(f"answered {error.response.status_code} {error.response.reason}")
    elif isinstance(error, Timeout):
        explained = DownloadError(f"timed out: no answer in {timeout:g} s")
    else:
        explained = DownloadError(str(_innermost(error)) or type(error).__name__)
    explained.__cause__ = error
    return explained


def _innermost(error: BaseException) -> BaseException:
    """What began a chain of errors: requests wraps urllib3's error, which wraps that of the socket."""
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return error

"""Feeds one way in, in a process of its own: ``python -m fuzz.child WAY FOUND RUNS SECONDS SEED``."""

from __future__ import annotations

import hashlib
import random
import resource
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import atheris

from fer_toolkit.errors import FerToolkitError
from fuzz import LONGEST, MOST_MEMORY
from fuzz.ways import Way, way

CORPUS = Path(__file__).parents[1] / "tests" / "fuzz" / "corpus"
"""What was found once is where to look for more."""


def main() -> None:
    """Feed it until libFuzzer has had enough."""
    name, found, runs, seconds, seed = sys.argv[1:]
    # What is imported only when it is needed has to be imported here: only now it is made to tell what it reaches.
    with atheris.instrument_imports(include=["fer_toolkit", "PIL"]):
        fed = way(name)
        seeds = [*fed.seeds(), *(file.read_bytes() for file in (CORPUS / name).glob("*"))]
        for each in seeds:
            _error(fed, each)
    findings = _Findings(Path(found))

    def feed(data: bytes) -> None:
        error = _error(fed, data)
        if error is not None:
            findings.add(data, error)

    place = Path(tempfile.mkdtemp(prefix="fuzz-"))
    options = [
        f"-runs={runs}",
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-timeout={LONGEST}",
        f"-rss_limit_mb={_memory() + MOST_MEMORY}",
        f"-artifact_prefix={found}/",
        f"-dict={_dictionary(fed, place)}",
        "-print_final_stats=1",
        _corpus(seeds, place),
    ]
    print(f"before the first input: {_memory()} MiB", flush=True)
    atheris.Setup([sys.argv[0], *options], feed, custom_mutator=_mutator(fed))
    atheris.Fuzz()


def _mutator(fed: Way) -> Callable[[bytes, int, int], bytes]:
    """How input is changed: the way's own manner, and libFuzzer's."""
    own = getattr(fed, "mutate", lambda data, chance: None)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        changed: bytes | None = own(data, random.Random(seed))
        return atheris.Mutate(data, most) if changed is None or len(changed) > most else changed

    return mutate


def _error(fed: Way, data: bytes) -> Exception | None:
    """The error that should not be, if there is one."""
    try:
        fed.feed(data)
    except FerToolkitError:
        pass
    except Exception as error:  # the findings
        return error
    return None


def _memory() -> int:
    """The most memory that this process has had, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def _corpus(seeds: list[bytes], place: Path) -> str:
    folder = place / "corpus"
    folder.mkdir()
    for number, each in enumerate(seeds):
        (folder / f"seed-{number}").write_bytes(each)
    return str(folder)


def _dictionary(fed: Way, place: Path) -> str:
    """The words as libFuzzer reads them."""
    file = place / "words"
    escaped = ("".join(f"\\x{byte:02x}" for byte in word) for word in fed.WORDS)
    file.write_text("".join(f'"{word}"\n' for word in escaped), encoding="ascii")
    return str(file)


class _Findings:
    """Keeps the shortest input for each place in the code that raises what it should not."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shortest: dict[str, int] = {}

    def add(self, data: bytes, error: Exception) -> None:
        """Write the input and the error to files, unless a shorter one is there."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        key = f"{type(error).__name__} {place.filename} {place.lineno}"
        if len(data) >= self._shortest.get(key, sys.maxsize):
            return
        self._shortest[key] = len(data)
        file = self._folder / f"error-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
        file.write_bytes(data)
        text = "".join(traceback.format_exception(error))
        file.with_suffix(".txt").write_text(text, encoding="utf-8", errors="replace")


if __name__ == "__main__":
    main()

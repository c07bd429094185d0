"""What becomes of memory that a picture no longer needs: it stays, so that the next picture brings no page faults."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has to be shown what to keep")

ROUNDS = """
from resource import RUSAGE_SELF, getrusage
import numpy as np
{first}
for _ in range(5):  # each takes 9 MB and frees them, in parts as a picture does
    before = getrusage(RUSAGE_SELF).ru_minflt
    parts = [np.ones(3 << 20, np.uint8) for _ in range(3)]
    del parts
print(getrusage(RUSAGE_SELF).ru_minflt - before)
"""


def faults_of_the_last_round(first: str) -> int:
    program = [sys.executable, "-c", ROUNDS.format(first=first)]
    return int(subprocess.run(program, capture_output=True, text=True, check=True).stdout)


def test_without_it_the_memory_of_each_round_is_new():
    assert faults_of_the_last_round("") > 1000


@pytest.mark.parametrize(
    "first",
    [
        "from fer_toolkit._memory import keep_freed_memory; keep_freed_memory()",
        "from fer_toolkit import EmotionRecognizer; EmotionRecognizer('none')",
    ],
    ids=["by itself", "with a recognizer"],
)
def test_freed_memory_is_taken_again(first):
    assert faults_of_the_last_round(first) < 100

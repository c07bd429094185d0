"""How many processors there are: those that this process may use."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from fer_toolkit._processors import usable_processors
from fer_toolkit.web import Settings
print(usable_processors(), Settings().workers)
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system can't keep a process from processors")
def test_processors_that_a_process_may_not_use_do_not_count():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "1 1\n"

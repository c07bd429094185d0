"""A program that has a writer fail at many points, each time in a process that is forked for it.

Its arguments are the name of a writer and a folder to work in. It prints a JSON object with a list for each fault:

- ``event``: killed at the n-th time that Python opens a file for writing, makes a folder, renames or removes a file;
- ``byte``: killed when a file grows beyond n bytes;
- ``full``: no file can grow beyond n bytes;
- ``memory``: no more than n MiB can be had, which only Linux knows.

In the list is for each n how the process ended (``end``), its error (``said``), what ``found`` was in the folder (for
each file "old", "new", "half" or "draft"), how a process without a fault ended that did it ``again``, and what was
found ``after`` that.
"""

import itertools
import json
import os
import resource
import shutil
import signal
import sys
from pathlib import Path

from writers import WRITERS, content, make_inputs, preload

from fer_toolkit.errors import FerToolkitError

POINTS = 3  # sizes, from nothing to that of the whole file
MEBIBYTES = (0, 4, 16)
EVENTS = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate"}
OUR_ERROR = 3


class Trial:
    """A folder with an older file in it, whose newer version is written."""

    def __init__(self, writer, folder):
        self.write, self.inputs, self.folder = WRITERS[writer], folder / "inputs", folder / "written"
        make_inputs(self.inputs)
        self.old, self.new = (self.version(number) for number in (0, 1))

    def version(self, number):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        end, said = self.fork(number)
        assert end == "exit 0", said
        return content(self.folder)

    def fork(self, number, arm=lambda: None):
        """Write a version in a process of its own; how it ended, and what it said."""
        read, write = os.pipe()
        child = os.fork()
        if not child:
            arm()
            os._exit(self.written(number, write))
        os.close(write)
        with open(read, encoding="utf-8") as said:  # noqa: PTH123
            words = said.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return (f"exit {status}" if status >= 0 else signal.Signals(-status).name), words

    def written(self, number, told):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(told, 2)
        try:
            self.write(self.inputs, self.folder, number)
        except FerToolkitError as error:
            os.write(told, str(error).encode())
            return OUR_ERROR
        except BaseException as error:
            os.write(told, repr(error).encode())
            return 1
        return 0

    def under(self, arm):
        self.start_over()
        end, said = self.fork(1, arm)
        outcome = {"end": end, "said": said, "found": self.found()}
        again, _ = self.fork(1)
        return {**outcome, "again": again, "after": self.found()}

    def start_over(self):
        """Nothing but the old files is in the folder."""
        for entry in self.folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for name, data in self.old.items():
            (self.folder / name).write_bytes(data)

    def found(self):
        return {name: self.state(name, data) for name, data in content(self.folder).items()}

    def state(self, name, data):
        if data == self.new.get(name):
            return "new"
        if data == self.old.get(name):
            return "old"
        return "draft" if ".draft-" in name else "half"


def killed_at_event(number, folder):
    def arm():
        left = number

        def hook(event, arguments):
            nonlocal left
            if not (event in EVENTS or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR))):
                return
            if str(folder) not in str(arguments[0]):
                return
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)

    return arm


def limited(size, action):
    def arm():
        signal.signal(signal.SIGXFSZ, action)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return arm


def short_of_memory(mebibytes):
    def arm():
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (taken + mebibytes * 2**20,) * 2)
        signal.alarm(60)  # OpenBLAS of NumPy before 2 waits without end for memory: as good as killed

    return arm


def main(writer, folder):
    preload()
    trial = Trial(writer, Path(folder))
    sizes = [step * max(map(len, trial.new.values())) // POINTS for step in range(POINTS)]
    outcomes = {
        "event": [],
        "byte": [trial.under(limited(size, signal.SIG_DFL)) for size in sizes],
        "full": [trial.under(limited(size, signal.SIG_IGN)) for size in sizes],
        "memory": [trial.under(short_of_memory(size)) for size in MEBIBYTES if sys.platform == "linux"],
    }
    for number in itertools.count():
        outcomes["event"].append(trial.under(killed_at_event(number, trial.folder)))
        if outcomes["event"][-1]["end"] != "SIGKILL":
            break
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(*sys.argv[1:])

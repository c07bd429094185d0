"""Several processes at work: all is done once, whoever dies, and an end is an end for all of them."""

import errno
import os
import signal
import threading
from pathlib import Path

import pytest

from fer_toolkit import register_detector
from fer_toolkit.batch import workers
from fer_toolkit.batch.tasks import Done, Reading, Setup, Task
from fer_toolkit.batch.workers import Worker, work_off
from fer_toolkit.errors import BrokenExtraError, ExportError, FerToolkitError, UnknownNameError

needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")


@pytest.fixture
def setup(hundred):
    return Setup(str(hundred), {"detector": "none"})


@pytest.fixture
def pictures(hundred):
    return sorted(str(path.relative_to(hundred)) for path in hundred.rglob("*.png"))


@pytest.fixture
def tasks(tmp_path, pictures):
    """Ten tasks of ten pictures."""
    return [
        Task(number, pictures[number * 10 : number * 10 + 10], str(tmp_path / f"{number}.csv")) for number in range(10)
    ]


@pytest.fixture
def finish(hundred, tmp_path):
    """A function that does a task of one's own pictures, and gives what was done and the rows of its file."""

    def finish(folder, names, **recognizer):
        file = tmp_path / "rows.csv"
        task, setup = Task(0, names, str(file)), Setup(str(folder), recognizer)
        (done,) = (answer for answer in work_off([task], setup, 1) if isinstance(answer, Done))
        return done, file.read_text(encoding="utf-8").splitlines()[1:]

    return finish


def ended(processes):
    return all(process.poll() is not None for process in processes)


@pytest.mark.parametrize("at_once", [1, 3])
def test_each_task_is_done_once_and_no_process_is_left(setup, tasks, started, at_once):
    answers = list(work_off(tasks, setup, at_once))
    assert sorted(answer.number for answer in answers if isinstance(answer, Done)) == list(range(10))
    assert {answer.done for answer in answers if isinstance(answer, Reading)} == {0}
    assert len(started) == at_once
    assert ended(started)


def test_no_process_is_started_for_nothing(setup, tasks, started):
    assert list(work_off([], setup, 4)) == []
    assert started == []


def test_a_task_is_taken_when_a_process_is_free_for_it(setup, tasks):
    whole = []

    def giving():
        for task in tasks:
            whole.append(sum(Path(each.file).exists() for each in tasks))
            yield task

    list(work_off(giving(), setup, 2))
    assert all(before >= number - 1 for number, before in enumerate(whole))


def test_when_the_caller_stops_the_processes_end_in_the_middle_of_their_tasks(setup, pictures, tmp_path, started):
    files = [tmp_path / "0.csv", tmp_path / "1.csv"]
    answers = work_off((Task(number, pictures * 50, str(file)) for number, file in enumerate(files)), setup, 2)
    next(answers)
    answers.close()
    assert ended(started)
    assert not any(file.exists() for file in files)
    assert [thread for thread in threading.enumerate() if "(serve)" in thread.name] == []


# Deaths


@needs_signals
def test_a_picture_that_ends_its_process_has_a_row_and_all_others_are_done(finish, moody, tmp_path, picture_of_width):
    widths = [20, 11, 21, 14, 22, 12, 13, 23]
    for place, width in enumerate(widths):
        picture_of_width(tmp_path / f"{place}.png", width)
    done, rows = finish(tmp_path, [f"{place}.png" for place in range(len(widths))], detector=moody)
    assert done == Done(0, 8, 4, 4)
    reasons = {
        1: "ended with signal SIGKILL",
        3: "ended with exit status 3: out of cheese",
        5: "KeyError",
        6: "nonsense",
    }
    for place, row in enumerate(rows):
        assert row.startswith(str(tmp_path / f"{place}.png"))
        assert reasons.get(place, "") in row
        assert row.endswith(",") == (place not in reasons)


@needs_signals
def test_a_process_that_dies_by_accident_loses_nothing(finish, moody, tmp_path, picture_of_width, started):
    names = [f"{place}.png" for place in range(40)]
    for place, name in enumerate(names):
        picture_of_width(tmp_path / name, 15 if place == 35 else 20 + place)
    undisturbed = finish(tmp_path, names, detector="none")
    started.clear()
    assert finish(tmp_path, names, detector=moody, detector_options={"marker": str(tmp_path / "m")}) == undisturbed
    assert [process.returncode for process in started] == [4, -signal.SIGKILL]  # we end the second ourselves


@needs_signals
def test_a_process_that_is_killed_from_outside_loses_nothing(setup, tmp_path, pictures, started):
    worker = Worker(setup)
    *_, undisturbed = worker.do(Task(0, pictures, str(tmp_path / "0.csv")))
    answers = worker.do(Task(0, pictures, str(tmp_path / "1.csv")))
    next(answers)
    started[0].kill()
    *_, done = answers
    worker.close()
    assert done == undisturbed == Done(0, 100, 100, 0)
    assert (tmp_path / "0.csv").read_bytes() == (tmp_path / "1.csv").read_bytes()


@needs_signals
def test_a_process_that_is_killed_between_two_tasks_is_started_again(setup, tasks, started):
    worker = Worker(setup)
    assert list(worker.do(tasks[0]))[-1] == Done(0, 10, 10, 0)
    started[0].kill()
    started[0].wait()
    assert list(worker.do(tasks[1]))[-1] == Done(1, 10, 10, 0)
    worker.close()
    assert len(started) == 2


# What can't work


@pytest.mark.parametrize(
    ("detector", "error", "message"),
    [
        ("dying", FerToolkitError, "ends before it reads one: exit status 5: nothing was said"),
        ("failing", FerToolkitError, "ends before it reads one: exit status 1: RuntimeError: no licence"),
        ("absent", BrokenExtraError, "the detector 'absent' of the plug-in 'moody' .* fails to import"),
        ("nowhere", UnknownNameError, "no detector is named 'nowhere'"),
    ],
)
def test_what_can_not_be_built_in_the_processes_is_an_error_and_not_tried_for_ever(
    moody, tasks, hundred, started, detector, error, message
):
    with pytest.raises(error, match=message):
        list(work_off(tasks, Setup(str(hundred), {"detector": detector}), 2))
    assert ended(started)
    assert len(started) <= 4


def test_a_detector_registered_in_this_program_alone_is_unknown_to_the_processes(tasks, hundred, monkeypatch):
    from fer_toolkit.detectors import DETECTORS
    from fer_toolkit.detectors.whole_image import WholeImageDetector

    monkeypatch.setattr(DETECTORS, "_registered", {})
    register_detector("mine", WholeImageDetector)
    with pytest.raises(UnknownNameError, match="no detector is named 'mine'"):
        list(work_off(tasks, Setup(str(hundred), {"detector": "mine"}), 1))


def test_a_process_that_ends_whenever_it_closes_its_file_is_not_started_for_ever(
    setup, tasks, tmp_path, started, monkeypatch
):
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nfrom pathlib import Path\nPath.replace = lambda *_: os._exit(9)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(FerToolkitError, match="ends again and again: exit status 9"):
        list(work_off(tasks[:1], setup, 1))
    assert len(started) == 3


def test_a_process_that_can_not_be_told_its_task_is_not_waited_for(setup, tasks, started, monkeypatch):
    def refuse(stream, message):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(workers, "send", refuse)
    with pytest.raises(FerToolkitError, match="ends before it reads one"):
        list(work_off(tasks[:1], setup, 1))
    assert ended(started)


def test_a_file_that_can_not_be_written_ends_all_and_what_is_whole_stays(setup, tasks, tmp_path, started):
    (tmp_path / "5.csv").mkdir()
    with pytest.raises(ExportError, match=r"5\.csv can't be written: Is a directory"):
        list(work_off(tasks, setup, 1))
    assert ended(started)
    assert [Path(task.file).is_file() for task in tasks] == [True] * 5 + [False] * 5

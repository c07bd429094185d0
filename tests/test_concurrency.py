"""One recognizer and the registries, used by many threads, and by processes that are forked and spawned meanwhile."""

import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import cv2
import pytest
from PIL import Image

from fer_toolkit import EmotionRecognizer, VideoResult
from fer_toolkit.detectors.whole_image import WholeImageDetector
from fer_toolkit.errors import ClassifierError, VideoError
from fer_toolkit.registry import Registry

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

THREADS = 8


@pytest.fixture(scope="module")
def pictures(astronaut, faceless):
    """A face, none, a face the other way round, and one in a small file of its own format."""
    small = cv2.resize(astronaut, (160, 160), interpolation=cv2.INTER_AREA)
    return [small, cv2.resize(faceless, (150, 100)), small[:, ::-1], cv2.imencode(".png", small)[1].tobytes()]


@pytest.fixture(params=["none", "haar", "yunet"])
def recognizer(request, fetched_weights):
    if request.param == "yunet":
        fetched_weights("yunet-2026may")
    return EmotionRecognizer(request.param)


@contextmanager
def at_work(work):
    """Eight threads do a work again and again as long as the block runs."""
    ended = threading.Event()

    def repeat():
        while not ended.is_set():
            work()

    with ThreadPoolExecutor(THREADS) as threads:
        running = [threads.submit(repeat) for _ in range(THREADS)]
        try:
            yield
        finally:
            ended.set()
    for each in running:
        each.result()


def recognise(recognizer, pictures):
    return [recognizer.recognize(picture).faces for picture in pictures]


class TestProcesses:
    def test_forks_in_the_middle_of_eight_threads_work_give_what_one_thread_gives_bit_for_bit(
        self, recognizer, pictures, in_fork
    ):
        expected = recognise(recognizer, pictures)
        with at_work(lambda: recognise(recognizer, pictures)):
            for _ in range(3):
                assert in_fork(lambda: recognise(recognizer, pictures)) == expected
        assert recognise(recognizer, pictures) == expected

    def test_a_forked_process_can_build_its_own_recognizer(self, recognizer, pictures, in_fork):
        expected, detector = recognise(recognizer, pictures), recognizer.detector.name
        with at_work(lambda: recognise(recognizer, pictures)):
            assert in_fork(lambda: recognise(EmotionRecognizer(detector), pictures)) == expected

    def test_a_forked_process_may_use_threads_and_fork_again(self, recognizer, pictures, in_fork):
        expected = recognise(recognizer, pictures)

        def in_threads():
            with ThreadPoolExecutor(4) as threads:
                given = list(threads.map(lambda _: recognise(recognizer, pictures), range(4)))
            return [*given, in_fork(lambda: recognise(recognizer, pictures))]

        assert in_fork(in_threads) == [expected] * 5

    def test_threads_forked_and_spawned_processes_at_once_give_the_same(self, pictures):
        recognizer = EmotionRecognizer("haar")
        expected = recognise(recognizer, pictures)
        with (
            at_work(lambda: recognise(recognizer, pictures)),
            multiprocessing.get_context("spawn").Pool(1) as spawned,
        ):
            from_spawned = spawned.apply_async(recognise, (recognizer, pictures))
            with multiprocessing.get_context("fork").Pool(4) as forked:
                from_forked = forked.starmap_async(recognise, [(recognizer, pictures)] * 8)
                assert from_forked.get(60) == [expected] * 8
            assert from_spawned.get(60) == expected

    def test_mediapipe_works_in_a_forked_process_though_its_threads_are_gone(self, pictures, fetched_weights, in_fork):
        pytest.importorskip("mediapipe", reason='needs "fer-toolkit[mediapipe]"')
        fetched_weights("blaze-face-short-range-1")
        recognizer = EmotionRecognizer("mediapipe")
        expected = recognise(recognizer, pictures)
        assert in_fork(lambda: recognise(recognizer, pictures)) == expected

    def test_a_process_that_was_forked_with_a_mediapipe_detector_ends(self, fetched_weights):
        pytest.importorskip("mediapipe", reason='needs "fer-toolkit[mediapipe]"')
        fetched_weights("blaze-face-short-range-1")
        program = (
            "import os, sys\n"
            "from fer_toolkit.detectors import build_detector\n"
            "detector = build_detector('mediapipe')\n"
            "sys.exit(0 if os.fork() == 0 else os.wait()[1])\n"
        )
        run = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, env=os.environ, timeout=240
        )
        assert run.returncode == 0
        assert "Traceback" not in run.stderr

    def test_keras_says_that_it_can_not_go_on_in_a_forked_process(self, fetched_weights, pictures, in_fork):
        pytest.importorskip("tensorflow", reason='needs "fer-toolkit[keras]"')
        fetched_weights("mini-xception-1")
        recognizer = EmotionRecognizer("none", "mini-xception-1")

        def refusals():
            given = []
            for attempt in (
                lambda: recognise(recognizer, pictures),
                lambda: EmotionRecognizer("none", "mini-xception-1"),
            ):
                with pytest.raises(ClassifierError) as refused:
                    attempt()
                given.append(str(refused.value))
            return given

        for message in in_fork(refusals):
            assert message.startswith("Keras can't be used in a process that was forked from one that has used it")
            assert '"spawn"' in message


class TestPictures:
    def test_a_fork_while_another_thread_reads_a_tiff_with_pillow(self, in_fork, astronaut_path, tmp_path):
        """Its metadata makes Pillow warn, so others' reading waits; in a forked process it would wait for ever."""
        path = tmp_path / "photo.tiff"
        with Image.open(astronaut_path) as photo:
            photo.resize((64, 64)).save(path)
        reading, go_on = threading.Event(), threading.Event()
        with Image.open(path) as picture:
            load = picture.load

            def slowly():
                reading.set()
                go_on.wait(30)
                return load()

            picture.load = slowly
            recognizer = EmotionRecognizer("none")
            with ThreadPoolExecutor(1) as threads:
                slow = threads.submit(recognizer.recognize, picture)
                assert reading.wait(30)
                try:
                    faces = in_fork(lambda: recognizer.recognize(path).faces)
                finally:
                    go_on.set()
                assert slow.result(30).faces == faces


class TestVideos:
    @pytest.fixture
    def clip(self, tmp_path, astronaut):
        pytest.importorskip("av", reason='needs "fer-toolkit[video]"')
        from fer_toolkit.video.writing import VideoWriter

        path = tmp_path / "clip.mp4"
        small = cv2.resize(astronaut, (96, 96), interpolation=cv2.INTER_AREA)
        with VideoWriter(path, frame_rate=25) as writer:
            for number in range(60):
                writer.write(small, time=number / 25)
        return path

    def test_eight_threads_get_what_one_gets(self, clip):
        recognizer = EmotionRecognizer("none")
        expected = list(recognizer.recognize_video(clip))
        with ThreadPoolExecutor(THREADS) as threads:
            assert list(threads.map(lambda _: list(recognizer.recognize_video(clip)), range(THREADS))) == [expected] * 8

    @pytest.mark.parametrize("read", [next, lambda stream: next(stream.with_images()), VideoResult.collect])
    def test_a_forked_process_is_told_to_open_the_video_anew(self, clip, in_fork, read):
        recognizer = EmotionRecognizer("none")

        def go_on():
            with pytest.raises(VideoError, match="open it anew in this one"):
                read(stream)
            stream.close()
            return len(list(recognizer.recognize_video(clip)))

        with recognizer.recognize_video(clip) as stream:
            next(stream)
            assert in_fork(go_on) == 60
            assert len(list(stream)) == 59

    def test_a_loop_over_images_that_was_begun_before_the_fork_is_told_so_too(self, clip, in_fork):
        def go_on():
            with pytest.raises(VideoError, match="open it anew in this one"):
                next(images)
            return "told"

        with EmotionRecognizer("none").recognize_video(clip) as stream:
            images = stream.with_images()
            next(images)
            assert in_fork(go_on) == "told"

    def test_a_reader_of_frames_is_told_so_too(self, clip, in_fork):
        from fer_toolkit.video.reading import open_video

        def go_on():
            with pytest.raises(VideoError, match=r"'.*clip\.mp4' is open in the process .* open it anew in this one"):
                next(frames)
            reader.close()
            return "told"

        with open_video(clip) as reader:
            frames = iter(reader)
            next(frames)
            assert in_fork(go_on) == "told"
            assert len(list(frames)) == 59


class TestRegistries:
    def test_eight_threads_register_and_look_up_at_once(self):
        registry, together = (
            Registry("detector", {"none": WholeImageDetector}, "no.such.group"),
            threading.Barrier(THREADS),
        )

        def work(thread):
            together.wait(30)
            for number in range(50):
                registry.register(f"{thread}-{number}", WholeImageDetector)
                assert registry.build(f"{thread}-{number}").name == "none"
                assert {"none", f"{thread}-{number}"} <= set(registry.names())

        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(work, range(THREADS)))
        assert len(registry.names()) == 1 + 50 * THREADS

    def test_threads_that_are_the_first_to_ask_for_classifiers_share_one_registry(self):
        program = (
            "import threading\n"
            "from fer_toolkit.classifiers import available_classifiers, register_classifier\n"
            "together = threading.Barrier(8)\n"
            "def register(number):\n"
            "    together.wait(30)\n"
            "    register_classifier(f'mine-{number}', dict)\n"
            "threads = [threading.Thread(target=register, args=(number,)) for number in range(8)]\n"
            "for thread in threads: thread.start()\n"
            "for thread in threads: thread.join()\n"
            "print([name for name in available_classifiers() if name.startswith('mine')])\n"
        )
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert run.stdout.strip() == str([f"mine-{number}" for number in range(8)])

    def test_a_fork_while_another_thread_looks_for_plug_ins(self, in_fork, monkeypatch):
        looking, go_on = threading.Event(), threading.Event()

        def slowly(group):
            if threading.current_thread() is not threading.main_thread():
                looking.set()
                go_on.wait(30)
            return ()

        monkeypatch.setattr("importlib.metadata.entry_points", slowly)
        registry = Registry("detector", {"none": WholeImageDetector}, "no.such.group")
        with ThreadPoolExecutor(1) as threads:
            slow = threads.submit(registry.names)
            assert looking.wait(30)
            try:
                names = in_fork(registry.names)
            finally:
                go_on.set()
            assert slow.result(30) == names == ("none",)

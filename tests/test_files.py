import pytest

from fer_toolkit._files import drafts_of, whole_file
from fer_toolkit.errors import CacheError, ExportError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_and_its_folders_are_there_when_the_block_has_ended(tmp_path):
    with whole_file(tmp_path / "a" / "b.txt") as draft:
        assert draft.suffix == ".txt"
        draft.write_text("new")
        assert not (tmp_path / "a" / "b.txt").exists()
    assert (tmp_path / "a" / "b.txt").read_text() == "new"
    assert names(tmp_path / "a") == ["b.txt"]


def test_a_failed_block_leaves_the_older_file_and_no_draft(tmp_path):
    (tmp_path / "b.txt").write_text("old")

    def write_half():
        with whole_file(tmp_path / "b.txt") as draft:
            draft.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert (tmp_path / "b.txt").read_text() == "old"
    assert names(tmp_path) == ["b.txt"]


@pytest.mark.parametrize("error", [ExportError, CacheError])
def test_what_the_system_refuses_is_an_error_that_names_the_file(tmp_path, error):
    (tmp_path / "file").touch()
    with pytest.raises(error, match=r"b\.txt can't be written: "), whole_file(tmp_path / "file" / "b.txt", error):
        pytest.fail("the block runs only when there is a folder to write to")
    with pytest.raises(error, match=r"b\.txt can't be written: No such file"), whole_file(tmp_path / "b.txt", error):
        pass


@pytest.mark.parametrize("name", ["b.txt", "b[1].txt"])
def test_a_killed_process_leaves_a_draft_that_can_be_found(tmp_path, name):
    writing = whole_file(tmp_path / name)
    draft = writing.__enter__()
    draft.write_text("half")
    assert list(drafts_of(tmp_path / name)) == [draft]
    assert list(drafts_of(tmp_path / "c.txt")) == []
    writing.__exit__(None, None, None)

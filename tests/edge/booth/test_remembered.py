"""What drivers learned from devices is kept in files; without them nothing is lost but time."""

from pathlib import Path

from edge.booth.remembered import keep, load


def test_what_was_kept_is_loaded_and_the_newer_replaces_the_older(tmp_path: Path) -> None:
    folder = tmp_path / "scanners"
    assert load(folder) == {}
    keep(folder, "a device", b"old\n\0")
    keep(folder, "another", b"")
    keep(folder, "a device", b"new\n\xff\0")
    assert load(folder) == {"a device": b"new\n\xff\0", "another": b""}
    assert len(list(folder.iterdir())) == 2, "nothing else is left there"


def test_strange_files_are_passed_over(tmp_path: Path) -> None:
    keep(tmp_path, "a device", b"data")
    (tmp_path / "empty.learned").touch()
    (tmp_path / "note.txt").write_text("a device\nother")
    (tmp_path / "folder.learned").mkdir()
    assert load(tmp_path) == {"a device": b"data"}


def test_a_folder_that_cannot_be_made_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    keep(tmp_path / "file" / "scanners", "a device", b"data")
    assert load(tmp_path / "file" / "scanners") == {}

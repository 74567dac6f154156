"""Keys: for their owner only, never overwritten, and every wrong one named."""

import hashlib
import hmac
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.cli import main
from edge.errors import BadSettings
from edge.keys import (
    make_booth_keys,
    make_gallery_keys,
    make_ministry_key,
    read_booth_keys,
    read_gallery_keys,
    read_key,
)
from tests.edge.parts import NUMBER, make_keys

SECRETS = ("vault.key", "subject.key", "signing.key")


def test_keys_are_for_their_owner_only_and_differ(tmp_path: Path) -> None:
    booth = make_keys(tmp_path)
    made = sorted(tmp_path.rglob("*.*"))
    assert [path.name for path in made] == [
        "ministry.pub",
        "signing.key",
        "subject.key",
        "vault.key",
        "ministry.key",
        "ministry.pub",
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in made} == {0o700}
    assert {path.stat().st_size for path in made} == {32}
    assert len({path.read_bytes() for path in made}) == 5  # only ministry.pub is there twice
    assert booth.ministry.public_bytes_raw() == (tmp_path / "ministry" / "ministry.pub").read_bytes()


def test_the_public_signing_key_is_told(tmp_path: Path) -> None:
    make_ministry_key(tmp_path / "m")
    told = make_booth_keys(tmp_path / "k", tmp_path / "m" / "ministry.pub")
    assert read_booth_keys(tmp_path / "k").signing.public_key().public_bytes_raw().hex() == told


def test_a_subject_is_the_same_in_every_booth_of_a_campaign(tmp_path: Path) -> None:
    first = make_keys(tmp_path)
    ministry, subject = tmp_path / "ministry" / "ministry.pub", tmp_path / "keys" / "subject.key"
    make_booth_keys(tmp_path / "second", ministry, subject)
    make_booth_keys(tmp_path / "stranger", ministry)
    second, stranger = read_booth_keys(tmp_path / "second"), read_booth_keys(tmp_path / "stranger")
    assert first.subject_of(NUMBER) == second.subject_of(NUMBER) == read_again(tmp_path)
    assert first.subject_of(NUMBER) != stranger.subject_of(NUMBER)
    assert first.subject_of(NUMBER) != first.subject_of("001090000002")
    assert first.vault != second.vault


def read_again(folder: Path) -> str:
    """The keyed hash by its definition."""
    key = (folder / "keys" / "subject.key").read_bytes()
    return hmac.new(key, NUMBER.encode(), hashlib.sha256).hexdigest()[:32]


@pytest.mark.parametrize("name", [*SECRETS, "ministry.pub"])
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.unlink(), "cannot be read (No such file or directory): make keys with"),
        (lambda path: path.write_bytes(b"short"), "has 5 bytes, not 32"),
        (lambda path: path.write_bytes(bytes(33)), "has 33 bytes, not 32"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be read (Is a directory)"),
    ],
)
def test_a_wrong_key_is_named(
    tmp_path: Path, name: str, spoil: Callable[[Path], object], sentence: str
) -> None:
    make_keys(tmp_path)
    path = tmp_path / "keys" / name
    spoil(path)
    with pytest.raises(BadSettings) as caught:
        read_booth_keys(tmp_path / "keys")
    assert str(caught.value).startswith(f"the key {path} ")
    assert sentence in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o644, 0o610, 0o601])
def test_a_secret_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    make_keys(tmp_path)
    path = tmp_path / "keys" / "vault.key"
    path.chmod(mode)
    with pytest.raises(BadSettings, match=f"the key {path} is open to other users: chmod 600 {path}"):
        read_booth_keys(tmp_path / "keys")


def test_a_tighter_mode_and_an_open_public_key_are_fine(tmp_path: Path) -> None:
    make_keys(tmp_path)
    (tmp_path / "keys" / "vault.key").chmod(0o400)
    (tmp_path / "keys" / "ministry.pub").chmod(0o644)
    read_booth_keys(tmp_path / "keys")


@pytest.mark.parametrize("present", [*SECRETS, "ministry.pub"])
def test_keys_are_never_overwritten(tmp_path: Path, present: str) -> None:
    make_ministry_key(tmp_path / "m")
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / present).write_bytes(b"precious")
    with pytest.raises(BadSettings, match=f"{folder / present} exists already: keys are never overwritten"):
        make_booth_keys(folder, tmp_path / "m" / "ministry.pub")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {present: b"precious"}


def test_a_ministry_key_is_never_overwritten(tmp_path: Path) -> None:
    make_ministry_key(tmp_path)
    before = (tmp_path / "ministry.key").read_bytes()
    with pytest.raises(BadSettings, match="exists already"):
        make_ministry_key(tmp_path)
    assert (tmp_path / "ministry.key").read_bytes() == before


def test_a_campaign_key_that_is_open_to_others_is_not_taken_over(tmp_path: Path) -> None:
    make_ministry_key(tmp_path / "m")
    campaign = tmp_path / "subject.key"
    campaign.write_bytes(bytes(32))
    campaign.chmod(0o644)
    with pytest.raises(BadSettings, match="open to other users"):
        make_booth_keys(tmp_path / "keys", tmp_path / "m" / "ministry.pub", campaign)
    assert not (tmp_path / "keys").exists()


def test_the_commands_make_keys_and_refuse_with_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ministry, keys = str(tmp_path / "m"), str(tmp_path / "k")
    assert main(["keys", "ministry", ministry]) == 0
    assert main(["keys", "booth", keys, "--ministry", f"{ministry}/ministry.pub"]) == 0
    said = capsys.readouterr().out.splitlines()
    public = read_booth_keys(tmp_path / "k").signing.public_key().public_bytes_raw().hex()
    assert said[1] == f"{keys}: the booth signs as {public}"
    assert main(["keys", "booth", keys, "--ministry", f"{ministry}/ministry.pub"]) == 2
    assert capsys.readouterr().err == (
        f"vantay: {keys}/vault.key exists already: keys are never overwritten, name another folder\n"
    )
    (tmp_path / "file").touch()
    assert main(["keys", "ministry", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err == f"vantay: the folder {tmp_path}/file cannot be made (File exists)\n"


def test_a_folder_that_takes_no_files_is_named(tmp_path: Path) -> None:
    folder = Path("/proc/self/task")  # nobody, not even root, makes a file there
    with pytest.raises(BadSettings, match=r"the key /proc/self/task/ministry\.key cannot be written"):
        make_ministry_key(folder)


def test_a_key_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(bytes(range(32)))
    path.chmod(0o600)
    assert read_key(path) == bytes(range(32))


def test_the_keys_of_a_gallery_are_made_once_and_read(tmp_path: Path) -> None:
    folder = tmp_path / "gallery"
    assert main(["keys", "gallery", str(folder)]) == 0
    keys = read_gallery_keys(folder)
    assert keys.private.public_key().public_bytes_raw() == (folder / "gallery.pub").read_bytes()
    assert keys.vault == (folder / "vault.key").read_bytes()
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == dict.fromkeys(
        ("gallery.key", "gallery.pub", "vault.key"), 0o600
    )
    with pytest.raises(BadSettings, match="never overwritten"):
        make_gallery_keys(folder)
    (folder / "gallery.key").chmod(0o640)
    with pytest.raises(BadSettings, match="is open to other users"):
        read_gallery_keys(folder)

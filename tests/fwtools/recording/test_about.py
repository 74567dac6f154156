"""recording.toml: what is written is read; a wrong key is named."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwtools.recording.about import NAME, About, Capture, Picture, read_about
from fwtools.recording.pcapng import BadRecording

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
CAPTURES = st.builds(
    Capture,
    settle_frames=st.integers(0, 10),
    empty_first=st.booleans(),
    until=st.sampled_from(["captured", "lifted"]),
)
PICTURES = st.builds(
    Picture,
    width=st.integers(1, 4000),
    height=st.integers(1, 4000),
    ppi=st.floats(100, 1000),
    sha256=st.from_regex(r"\A[0-9a-f]{64}\Z"),
)
ABOUTS = st.builds(
    About,
    model=TEXT,
    usb_id=TEXT,
    firmware=TEXT,
    recorded=st.dates(),
    tool=TEXT,
    source=TEXT,
    finger=TEXT,
    capture=CAPTURES,
    picture=st.none() | PICTURES,
)
WHOLE = About(
    "m", "1:2", "f", date(2026, 1, 2), "t", "s", "none", Capture(), Picture(2, 3, 500.0, "0" * 64)
).text()


def read(text: str) -> About | None:
    with TemporaryDirectory() as folder:
        (Path(folder) / NAME).write_text(text, "utf-8", newline="")
        return read_about(Path(folder))


@given(ABOUTS)
def test_what_is_written_is_read(about: About) -> None:
    assert read(about.text()) == about


def test_a_recording_without_one_has_none(tmp_path: Path) -> None:
    assert read_about(tmp_path) is None


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ('model = "m"', "", "'model' is missing"),
        ('model = "m"', "model = 3", "'model' is not a str"),
        ('model = "m"', 'model = "m"\ncolour = 1', "'colour' is not known"),
        ('until = "captured"', 'until = "later"', "until is captured or lifted"),
        ("settle_frames = 1", "settle_frames = 11", "settle_frames 0 to 10"),
        ("ppi = 500.0", "ppi = true", "'ppi' is not a float"),
        ("0" * 64, "xyz", "sha256 is not 64 hexadecimal digits"),
        ("[capture]", "[capture", "cannot be read"),
        ("[picture]", "[capture.picture]", "'picture' is not known"),
        ("2026-01-02", "2026-01-02T03:04:05", "'recorded' is not a date"),
    ],
)
def test_a_wrong_key_is_named(was: str, becomes: str, told: str) -> None:
    assert was in WHOLE
    with pytest.raises(BadRecording, match=told):
        read(WHOLE.replace(was, becomes))

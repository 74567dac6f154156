"""The booth's people: PINs are kept as hashes, bad ones are refused, and all is journaled."""

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.cli import main
from edge.errors import BadCommand
from edge.journal import Journal
from edge.keys import BoothKeys
from edge.people import People, make_person
from edge.store import Store
from edge.vault import Vault
from tests.edge.parts import make_keys, steady

PIN = "271828"


def test_a_person_is_known_by_the_pin_and_by_no_other() -> None:
    person = make_person("an", "operator", PIN)
    assert person.knows(PIN)
    assert not person.knows("271829")
    assert not person.knows("")
    assert PIN not in repr(person)
    assert make_person("an", "operator", PIN).hash != person.hash, "salted"


@pytest.mark.parametrize(
    "pin", ["12345", "1234567890123", "27182a", "", " 271828", "111111", "121212", "123456", "987654"]
)
def test_a_pin_that_is_none_or_guessed_at_once_is_refused(pin: str) -> None:
    with pytest.raises(BadCommand, match="PIN"):
        make_person("an", "operator", pin)


@steady(50)
@given(st.text(max_size=12))
def test_a_name_is_a_name_or_refused(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,30}", name):
        with pytest.raises(BadCommand, match="is no name of a person"):
            make_person(name, "operator", PIN)


def test_people_come_and_go(store: Store, keys: BoothKeys) -> None:
    people = People(Vault(store, keys.vault))
    assert not people.any
    people.add(make_person("an", "operator", PIN))
    people.add(make_person("binh", "supervisor", PIN))
    assert [(person.name, person.role) for person in people.all()] == [
        ("an", "operator"),
        ("binh", "supervisor"),
    ]
    with pytest.raises(BadCommand, match="an is there already"):
        people.add(make_person("an", "supervisor", PIN))
    people.remove("an")
    with pytest.raises(BadCommand, match="nobody is called an here"):
        people.remove("an")
    assert people.named("an") is None
    assert people.any


@pytest.fixture
def config(tmp_path: Path) -> Path:
    make_keys(tmp_path)
    (tmp_path / "booth.toml").write_text('booth = "b-1"\ndata = "."\nkeys = "keys"\n')
    return tmp_path / "booth.toml"


def people(config: Path, monkeypatch: pytest.MonkeyPatch, *words: str, typed: str = "") -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    action, *rest = words
    return main(["people", action, *rest, "--config", str(config)])


def test_the_command_adds_lists_unlocks_and_removes(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert people(config, monkeypatch, "add", "binh", "--role", "supervisor", typed=f"{PIN}\n") == 0
    assert people(config, monkeypatch, "list") == 0
    assert "binh  supervisor" in capsys.readouterr().out
    assert people(config, monkeypatch, "unlock", "binh") == 0
    for words in (("unlock", "an"), ("remove", "an"), ("add", "An", "--role", "operator")):
        assert people(config, monkeypatch, *words, typed=f"{PIN}\n") == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert people(config, monkeypatch, "remove", "binh") == 0
    store = Store(config.parent / "booth.db", read_only=True)
    assert [entry.kind for entry in Journal(store).read()] == [
        "person.added",
        "person.unlocked",
        "person.removed",
    ]
    store.close()
    kept = b"".join(path.read_bytes() for path in config.parent.glob("booth.db*"))
    assert PIN.encode() not in kept

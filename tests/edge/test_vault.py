"""The vault: what is at rest is sealed to its place and its key, and what was purged is gone."""

import secrets
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import VantayError
from edge.journal import Journal
from edge.store import Store
from edge.vault import (
    ENROLLED,
    ENROLLED_CODE,
    IDENTITY,
    PACKET_KEY,
    RECORD,
    SAMPLE,
    TEMPLATE,
    Label,
    Vault,
    gallery_code,
    gallery_id,
)
from tests.edge.parts import AT, CLOCK, steady, texts, undone

KINDS = (SAMPLE, TEMPLATE, RECORD, IDENTITY, ENROLLED)
KEY = bytes(range(32))

labels = st.builds(
    Label, id=texts, kind=st.sampled_from(KINDS), enrolment=texts, subject=texts, position=st.integers(0, 10)
)


@pytest.fixture
def vault(store: Store) -> Vault:
    return Vault(store, KEY)


@steady(60)
@given(st.lists(st.tuples(labels, st.binary(max_size=200)), unique_by=lambda pair: pair[0].id, max_size=6))
def test_what_was_put_is_got(shared_store: Store, pairs: list[tuple[Label, bytes]]) -> None:
    vault = Vault(shared_store, KEY)
    with undone(shared_store):
        for label, data in pairs:
            vault.put(label, data)
        for label, data in pairs:
            assert vault.get(label.id) == data
        for kind in KINDS:
            assert list(vault.all_of(kind)) == [pair for pair in pairs if pair[0].kind == kind]
            for enrolment in {label.enrolment for label, _ in pairs}:
                mine = [p for p in pairs if (p[0].kind, p[0].enrolment) == (kind, enrolment)]
                assert list(vault.all_of(kind, enrolment)) == mine


def test_what_is_not_there_is_named(vault: Vault) -> None:
    with pytest.raises(VantayError, match="the vault holds no blob abc"):
        vault.get("abc")


ONE = Label("one", SAMPLE, "enrolment-1", "subject-1", 2)
TWO = Label("two", SAMPLE, "enrolment-2", "subject-2", 3)


def test_a_blob_moved_to_another_row_does_not_open(vault: Vault) -> None:
    vault.put(ONE, b"the finger of subject 1")
    vault.put(TWO, b"the finger of subject 2")
    nonce, data = vault.db.execute("SELECT nonce, data FROM vault WHERE id = 'one'").fetchone()
    vault.db.execute("UPDATE vault SET nonce = ?, data = ? WHERE id = 'two'", (nonce, data))
    assert vault.get("one") == b"the finger of subject 1"
    with pytest.raises(VantayError, match="blob two does not open"):
        vault.get("two")
    with pytest.raises(VantayError, match="blob two does not open"):
        list(vault.all_of(SAMPLE))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", ENROLLED),
        ("enrolment", "enrolment-2"),
        ("subject", "subject-2"),
        ("position", 3),
        ("nonce", bytes(12)),
        ("nonce", b""),
        ("nonce", bytes(200)),
        ("data", b""),
        ("data", bytes(40)),
    ],
)
def test_a_row_with_anything_changed_does_not_open(vault: Vault, column: str, value: object) -> None:
    vault.put(ONE, b"the finger of subject 1")
    vault.db.execute(f"UPDATE vault SET {column} = ?", (value,))
    with pytest.raises(VantayError, match="blob one does not open"):
        vault.get("one")


def test_another_key_opens_nothing(vault: Vault, store: Store) -> None:
    vault.put(ONE, b"the finger of subject 1")
    with pytest.raises(VantayError, match="blob one does not open: another key, or it was altered"):
        Vault(store, secrets.token_bytes(32)).get("one")


def test_the_label_binds_every_field() -> None:
    others = [
        replace(ONE, id="x"),
        replace(ONE, kind=TEMPLATE),
        replace(ONE, enrolment="x"),
        replace(ONE, subject="x"),
        replace(ONE, position=9),
        Label("one", SAMPLE, "enrolment-1subject-1", "", 2),  # fields do not run into each other
    ]
    assert len({label.associated() for label in [ONE, *others]}) == len(others) + 1


def test_the_same_data_never_looks_the_same(vault: Vault) -> None:
    for n in range(20):
        vault.put(replace(ONE, id=str(n)), b"same")
    rows = vault.db.execute("SELECT nonce, data FROM vault").fetchall()
    assert len({bytes(row["nonce"]) for row in rows}) == len({bytes(row["data"]) for row in rows}) == 20


def bytes_on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("booth.db*")))


def test_no_plaintext_is_ever_on_disk_and_a_purge_leaves_no_ciphertext(
    vault: Vault, store: Store, tmp_path: Path
) -> None:
    Journal(store).append("test", {}, AT, CLOCK)
    secret = secrets.token_bytes(50_000)  # many pages, as a sample
    kept, gone = replace(ONE, id="kept", kind=ENROLLED), replace(ONE, id="gone")
    with store.transaction():
        vault.put(kept, secret[:3000])
        vault.put(gone, secret)
        packet = vault.put_packet("enrolment-1", secret[::-1])
    sealed = bytes(vault.db.execute("SELECT data FROM vault WHERE id = 'gone'").fetchone()[0])
    pieces = [sealed[at : at + 32] for at in range(0, len(sealed) - 32, 500)]
    laid = bytes(vault.db.execute("SELECT data FROM packet").fetchone()[0])
    packed = [laid[at : at + 32] for at in range(0, len(laid) - 32, 500)]
    before = bytes_on_disk(tmp_path)
    assert sum(piece in before for piece in pieces) > 90  # a piece across a page's edge is not found
    assert sum(piece in before for piece in packed) > 90
    for clear in (secret, secret[::-1]):  # a packet is not secret, but what is left of it shall be of no use
        assert not any(clear[at : at + 16] in before for at in range(0, len(clear), 500))
    with store.transaction():
        vault.purge("enrolment-1", SAMPLE)
        assert vault.purge_packet(packet)
    after = bytes_on_disk(tmp_path)
    assert not any(piece in after for piece in pieces)
    assert not any(piece in after for piece in packed)
    assert vault.get("kept") == secret[:3000]


def test_a_purge_beside_a_reader_waits_for_nobody_and_is_finished_later(
    vault: Vault, store: Store, tmp_path: Path
) -> None:
    with store.transaction():
        vault.put(ONE, bytes(50_000))
    sealed = bytes(vault.db.execute("SELECT data FROM vault").fetchone()[0])[100:132]
    reader = Store(tmp_path / "booth.db", read_only=True)
    reader.db.execute("BEGIN")
    assert reader.db.execute("SELECT count(*) FROM vault").fetchone()[0] == 1
    with store.transaction():
        vault.purge("enrolment-1", SAMPLE)
    assert sealed in bytes_on_disk(tmp_path), "a reader's view is kept whole"
    reader.close()
    with store.transaction():
        store.move_cursor("any", 1)
    assert sealed not in bytes_on_disk(tmp_path)


def test_a_purge_takes_only_what_it_names(vault: Vault) -> None:
    vault.put(ONE, b"1")
    vault.put(replace(ONE, id="template", kind=TEMPLATE), b"2")
    vault.put(replace(ONE, id="identity", kind=IDENTITY), b"3")
    vault.put(TWO, b"4")
    vault.purge("enrolment-1", SAMPLE, IDENTITY)
    left = vault.db.execute("SELECT id FROM vault ORDER BY rowid").fetchall()
    assert [row["id"] for row in left] == ["template", "two"]


@steady(60)
@given(st.binary(min_size=1, max_size=500), st.integers(1, 120))
def test_the_chunks_of_a_packet_are_the_packet(shared_store: Store, data: bytes, length: int) -> None:
    vault = Vault(shared_store, KEY)
    with undone(shared_store):
        packet = vault.put_packet("e", data)
        chunks = [vault.packet_chunk(packet, at, length) or b"" for at in range(0, len(data), length)]
        assert b"".join(chunks) == data
        assert all(len(chunk) == length for chunk in chunks[:-1])
        assert vault.packet_chunk(packet, len(data), length) == b""
        assert vault.packet_chunk("0" * 64, 0, length) is None


def test_a_packet_is_purged_once_and_alone(vault: Vault) -> None:
    first, second = vault.put_packet("e1", b"zz"), vault.put_packet("e2", b"aa")
    assert vault.purge_packet(first)
    assert [label.enrolment for label in vault.labels(PACKET_KEY)] == ["e2"], "its key is gone"
    assert not vault.purge_packet(first)
    assert vault.packet_chunk(first, 0, 10) is None
    assert vault.packet_chunk(second, 0, 10) == b"aa"


def test_the_gallery_is_handed_out_page_by_page_in_the_order_it_grew(vault: Vault) -> None:
    for number in range(7):
        whose = f"e{number}", f"s{number}", number
        finger = gallery_id(f"e{number}", number)
        vault.put(Label(finger, ENROLLED, *whose), b"template")
        vault.put(Label(f"sample{number}", SAMPLE, *whose), b"picture")
        if number != 3:
            vault.put(Label(gallery_code(finger), ENROLLED_CODE, *whose), f"code {number}".encode())
    seen, after = [], 0
    while page := vault.gallery_page(after, 3):
        codes, after = page
        if not codes:
            break
        assert len(codes) <= 3
        seen += codes
    assert [label.position for label, _ in seen] == list(range(7))
    assert [code for _, code in seen] == [b"" if at == 3 else f"code {at}".encode() for at in range(7)]
    assert {(label.enrolment, label.subject) for label, _ in seen} == {(f"e{n}", f"s{n}") for n in range(7)}


def test_a_search_code_moved_to_another_finger_does_not_open(vault: Vault) -> None:
    for number in (1, 2):
        whose = f"e{number}", f"s{number}", 2
        vault.put(Label(gallery_id(f"e{number}", 2), ENROLLED, *whose), b"template")
        vault.put(Label(gallery_code(gallery_id(f"e{number}", 2)), ENROLLED_CODE, *whose), b"code")
    nonce, data = vault.db.execute("SELECT nonce, data FROM vault WHERE id = 'e1-2.code'").fetchone()
    vault.db.execute("UPDATE vault SET nonce = ?, data = ? WHERE id = 'e2-2.code'", (nonce, data))
    assert len(vault.gallery_page(0, 1)[0]) == 1
    with pytest.raises(VantayError, match=r"e2-2\.code does not open"):
        vault.gallery_page(0, 2)

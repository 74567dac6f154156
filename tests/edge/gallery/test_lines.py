"""Who is asked about next: nobody's question is lost, doubled or overtaken by another booth's many."""

from hypothesis import given
from hypothesis import strategies as st

from edge.gallery.lines import MOST_BYTES, MOST_OF_A_BOOTH, RECORDS_TURN, Lines, Waiting

BOOTHS = st.sampled_from(["a", "b", "c"])


def one(booth: str, number: int, size: int = 3) -> Waiting:
    return Waiting(booth, f"{number:016x}", bytes(size))


@given(st.lists(st.tuples(st.sampled_from(["search", "add"]), BOOTHS, st.integers(0, 60)), max_size=200))
def test_what_was_let_in_comes_out_once_in_each_booths_order(
    puts: list[tuple[str, str, int]],
) -> None:
    lines = Lines()
    within: dict[tuple[str, str], list[Waiting]] = {}
    for kind, booth, number in puts:
        line, waiting = within.setdefault((kind, booth), []), one(booth, number)
        fits = waiting not in line and len(line) < MOST_OF_A_BOOTH
        assert lines.put(kind, waiting) == fits  # type: ignore[arg-type]
        line += [waiting] if fits else []
    assert len(lines) == sum(map(len, within.values()))
    out: dict[tuple[str, str], list[Waiting]] = {}
    while kind_now := lines.next_kind(record_begun=False):
        taken = lines.take(kind_now)
        assert taken
        out.setdefault((kind_now, taken.booth), []).append(taken)
    assert out == {key: line for key, line in within.items() if line}
    assert len(lines) == 0


def test_one_question_of_a_booth_passes_the_many_of_another() -> None:
    lines = Lines()
    for number in range(20):
        lines.put("search", one("many", number))
    lines.put("search", one("few", 1))
    assert [(w := lines.take("search")) and w.booth for _ in range(3)] == ["many", "few", "many"]


def test_people_who_stand_there_come_first_and_a_record_has_every_tenth_turn() -> None:
    lines = Lines()
    lines.put("add", one("a", 1))
    for number in range(2 * RECORDS_TURN):
        lines.put("search", one("abc"[number % 3], number))
    kinds = []
    for _ in range(2 * RECORDS_TURN):
        kind = lines.next_kind(record_begun=False)
        assert kind
        lines.take(kind)
        kinds.append(kind)
    assert kinds == ["search"] * (RECORDS_TURN - 1) + ["add"] + ["search"] * RECORDS_TURN
    assert lines.next_kind(record_begun=True) == "search"
    lines.take("search")
    assert lines.next_kind(record_begun=True) == "add"
    assert lines.next_kind(record_begun=False) is None


def test_no_more_waits_than_there_is_memory_for() -> None:
    lines, size, came = Lines(), 2**20, 0
    for booth in range(100):
        for number in range(MOST_OF_A_BOOTH):
            came += lines.put("search", one(f"b-{booth}", number, size))
    assert came * size == MOST_BYTES
    lines.take("search")
    assert lines.put("search", one("late", 1, size))

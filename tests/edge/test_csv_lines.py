"""Lines of lists as CSV: what a reader of CSV says of each alone, and one that is broken costs no other."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from edge.csv_lines import NOT_UTF8, cells_of
from tests.edge.parts import steady

rows = st.lists(
    st.lists(st.text(st.sampled_from('ab,;"\t é\0\u2028'), max_size=4), min_size=1, max_size=4), max_size=5
)


@steady(300)
@given(rows, st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n", "\r"]))
def test_each_line_is_read_as_csv_is(rows: list[list[str]], delimiter: str, end: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    lines = io.StringIO(text.getvalue(), newline="")
    assert list(cells_of(lines, delimiter)) == [(line, row) for line, row in enumerate(rows, 1)]


@steady(200)
@given(rows, st.text(st.sampled_from('a,"\udcff'), max_size=8), st.integers(0, 5))
def test_a_line_that_is_broken_costs_no_other(rows: list[list[str]], broken: str, place: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    lines = text.getvalue().splitlines(keepends=True) if "\u2028" not in text.getvalue() else []
    whole = [cells for _, cells in cells_of(lines)]
    lines.insert(place, broken + "\n")
    found = dict(cells_of(lines))
    number = min(place, len(lines) - 1) + 1
    said = found.pop(number, None)
    assert [cells for _, cells in sorted(found.items())] == whole
    if "\udcff" in broken:
        assert said == NOT_UTF8

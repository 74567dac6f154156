"""Vietnamese names: kept as typed, and one name however it is spelt; what is another name stays another."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import BadCommand
from edge.names import LONGEST, fold, has_foreign_letters, is_one_word, same_name, typed_name
from tests.edge.parts import steady

# a twin by table: the two places of each tone, as schools teach it and as typewriters had it
NEW = ["oà oá oả oã oạ", "oè oé oẻ oẽ oẹ", "uỳ uý uỷ uỹ uỵ"]
OLD = ["òa óa ỏa õa ọa", "òe óe ỏe õe ọe", "ùy úy ủy ũy ụy"]
PAIRS = [
    pair for new, old in zip(NEW, OLD, strict=True) for pair in zip(new.split(), old.split(), strict=True)
]
letters = "aăâbcdđeêghiklmnoôơpqrstuưvxy" + "".join("".join(new + old).replace(" ", "") for new, old in PAIRS)
names = st.lists(st.text(letters, min_size=1, max_size=7), min_size=1, max_size=5).map(" ".join)


@pytest.mark.parametrize(("new", "old"), PAIRS)
def test_the_tone_of_oa_oe_and_uy_may_stand_over_either_vowel(new: str, old: str) -> None:
    assert new != old
    assert same_name(f"Nguyễn Th{new}", f"Nguyễn Th{old}")
    assert same_name(f"Nguyễn Th{new}".upper(), f"nguyễn th{old}")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Đức Hòa", "Đức Hoà"),  # a press report and the official list
        ("hoà", "hòa"),
        ("Nguyễn Thị Thuý", "NGUYỄN THỊ THÚY"),
        ("Trần  Văn\u00a0Quý", " trần văn qúy "),
        ("H'Hen Niê", "H’Hen Niê"),
        (unicodedata.normalize("NFD", "Đặng Thị Hường"), "Đặng Thị Hường"),
    ],
)
def test_one_name_however_it_is_spelt(one: str, other: str) -> None:
    assert same_name(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Dung", "Đung"),
        ("dao", "đào"),
        ("Hoa", "Hoà"),
        ("Hoà", "Hoá"),
        ("Hoả", "Hoã"),
        ("Hoa", "Hoạ"),
        ("Tân", "Tan"),
        ("Tân", "Tăn"),
        ("Thơ", "Thô"),
        ("Tư", "Tu"),
        ("An Bình", "Anbình"),
        ("Hòa Bình", "Hoa Bình"),
        ("Hoà Binh", "Hoa Bình"),
    ],
)
def test_d_and_the_tones_and_the_letters_are_kept_apart(one: str, other: str) -> None:
    assert not same_name(one, other)


def test_a_name_is_kept_as_typed_but_for_its_composition() -> None:
    assert typed_name(unicodedata.normalize("NFD", " Đỗ  THÚY hoà ")) == "Đỗ  THÚY hoà"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the name is empty"),
        (" \u00a0 ", "the name is empty"),
        ("A" * (LONGEST + 1), "more than 100 characters"),
        ("An\x00", "cannot be seen"),
        ("An\u200bBình", "cannot be seen"),
        ("An\nBình", "cannot be seen"),
        ("An\u2028Bình", "cannot be seen"),
        ("Nguy\ufffdn An", "cannot be seen or was lost"),
        ("Nguyễn Văn 2", "a digit in it"),
        ("- -", "no letter in it"),
    ],
)
def test_what_can_be_no_name_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(BadCommand, match=sentence) as caught:
        typed_name(text)
    assert "\n" not in str(caught.value)


def test_one_word_is_told_from_two() -> None:
    assert is_one_word("An")
    assert not is_one_word("Lê An")


@pytest.mark.parametrize(
    "name", ["Nguyễn Văn An", "ĐỖ THỊ ƯỚC", "Y Wơn Niê", "H'Hen Niê", "Zơ Râm Jack", "Trần Lê-An"]
)
def test_letters_of_vietnamese_are_not_foreign(name: str) -> None:
    assert not has_foreign_letters(name)


@pytest.mark.parametrize(
    "name", ["NguyÔn V¨n An", "Nguyễn Vаn An", "Ñguyễn An", "王 安", "Lê & An", "Nguye#n"]
)
def test_another_alphabet_or_a_broken_encoding_is_foreign(name: str) -> None:
    """Among them TCVN3 read as Latin 1, and a Cyrillic а among Latin letters."""
    assert has_foreign_letters(name)


@steady(200)
@given(names)
def test_where_the_tone_stands_changes_nothing(name: str) -> None:
    moved = name
    for new, old in PAIRS:
        moved = moved.replace(new, old)
    assert same_name(name, moved)
    assert same_name(name, name.upper())
    assert same_name(name, f"  {name.replace(' ', '   ')}")
    assert same_name(name, unicodedata.normalize("NFD", name))


@steady(300)
@given(st.text(max_size=20))
def test_any_text_folds_once_and_is_a_name_or_refused(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))
    has_foreign_letters(text)
    try:
        name = typed_name(text)
    except BadCommand:
        return
    assert name == unicodedata.normalize("NFC", name)
    assert typed_name(name) == name


@steady(200)
@given(names, names)
def test_two_names_are_one_only_with_the_same_letters_and_tones(one: str, other: str) -> None:
    """A twin that sorts: words with the same marks and letters, wherever the tone stands."""

    def sorted_words(name: str) -> list[list[str]]:
        return [sorted(unicodedata.normalize("NFD", word)) for word in name.split()]

    if same_name(one, other):
        assert sorted_words(one) == sorted_words(other)

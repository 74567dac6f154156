"""One report in each format, read back by other readers."""

import csv
import io
import itertools
import json
import re
import xml.etree.ElementTree as ET
import zipfile
from datetime import date, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.campaign.reports.catalogue import NAMES
from edge.campaign.reports.manifest import File
from edge.campaign.reports.render import FORMATS
from edge.campaign.reports.svg import svg, ticks
from edge.campaign.reports.table import Column, Plot, Report, Table
from tests.edge.hub.campaigns import Story, at, made, over_days, people, units_csv
from tests.edge.parts import steady

WIDE = 7  # px of a letter of 12 px, most of them

COLUMNS = (
    Column("unit", "unit"),
    Column("number", "a number", "number"),
    Column("rate", "rate", "share"),
    Column("day", "day", "date"),
    Column("low", "too low", "yes"),
)
ROWS = [
    {"unit": "Tây Hồ <b>", "number": 1061, "rate": 1.061, "day": date(2023, 6, 5), "low": False},
    {"unit": "=cmd()", "number": -3, "rate": None, "day": None, "low": True},
]
PLOT = Plot("a plot", ["10 May", "11 May", "12 May"], {"done & left": [0.0, 5.0, 12.0]})
REPORT = Report(
    "ranking",
    "Campaign",
    ("Order 01",),
    date(2023, 5, 18),
    "everything",
    Table("Title", COLUMNS, ROWS, ["a note"], PLOT),
)


def test_json_keeps_fractions_and_dates() -> None:
    tree = json.loads(FORMATS["json"](REPORT))
    assert (tree["report"], tree["at"], tree["legal_basis"]) == ("ranking", "2023-05-18", ["Order 01"])
    assert tree["rows"][0] == {
        "unit": "Tây Hồ <b>",
        "number": 1061,
        "rate": 1.061,
        "day": "2023-06-05",
        "low": False,
    }
    assert tree["notes"] == ["a note"]


def test_csv_is_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](REPORT).decode("utf-8-sig"))))
    assert rows[0]["unit"] == "Tây Hồ <b>"
    assert rows[1]["unit"] == "'=cmd()"
    assert (rows[0]["rate"], rows[1]["number"]) == ("1.061", "-3")


def test_text_is_aligned() -> None:
    lines = FORMATS["text"](REPORT).decode().splitlines()
    assert lines[:3] == [
        "Title",
        "Campaign: everything, end of business day 2023-05-18",
        "Legal basis: Order 01",
    ]
    assert lines[5].split() == ["Tây", "Hồ", "<b>", "1,061", "106.1", "%", "2023-06-05"]
    assert lines[-1] == "a note"


def test_xlsx_holds_numbers_dates_and_no_formula() -> None:
    with zipfile.ZipFile(io.BytesIO(FORMATS["xlsx"](REPORT))) as book:
        assert book.testzip() is None
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        strings = book.read("xl/sharedStrings.xml").decode()
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    cells = {cell.get("r"): cell for cell in ET.fromstring(sheet).iter(f"{space}c")}
    numbers = {at: cell.findtext(f"{space}v") for at, cell in cells.items() if cell.get("t") is None}
    assert (numbers["B6"], numbers["C6"], numbers["D6"]) == ("1061", "1.061", "45082")
    assert date(1899, 12, 30).toordinal() + 45082 == date(2023, 6, 5).toordinal()
    assert "<f>" not in sheet
    words = ["".join(part.itertext()) for part in ET.fromstring(strings).iter(f"{space}si")]
    assert {"Tây Hồ <b>", "=cmd()", "Title", "Legal basis: Order 01", "a note"} <= set(words)


class Page(HTMLParser):
    """What a page would fetch or run, and its words."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_html_needs_nothing_but_itself() -> None:
    text = FORMATS["html"](REPORT).decode()
    page = Page()
    page.feed(text)
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "img", "iframe", "object", "b")]
    assert not [name for _, attributes in page.tags for name in attributes if name in ("src", "href")]
    assert not re.search(r"https?:|url\(|@import", text)
    assert any("default-src 'none'" in (attributes.get("content") or "") for _, attributes in page.tags)
    assert {"Tây Hồ <b>", "106.1 %", "2023-06-05", "a note", "Legal basis: Order 01"} <= set(page.words)
    assert "svg" in [tag for tag, _ in page.tags]


@pytest.mark.parametrize("bars", [True, False])
def test_a_plot_is_well_formed_and_stays_inside(bars: bool) -> None:
    drawn = ET.fromstring(svg(PLOT._replace(bars=bars)))
    _, _, width, height = map(float, drawn.attrib["viewBox"].split())
    for text in drawn.iter("text"):
        assert 0 <= float(text.attrib["x"]) <= width
        assert 0 <= float(text.attrib["y"]) <= height
    for line in drawn.iter("polyline"):
        for x, y in (map(float, point.split(",")) for point in line.attrib["points"].split()):
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_a_line_rises_with_its_numbers() -> None:
    (line,) = ET.fromstring(svg(PLOT)).iter("polyline")
    heights = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
    assert heights == sorted(heights, reverse=True)
    assert svg(PLOT._replace(labels=[], series={})) == ""


@steady()
@given(st.floats(0, 1e9))
@example(0.0)
@example(5e-324)
@example(1000.0)
def test_ticks_are_few_and_enough(top: float) -> None:
    marks = ticks(top)
    assert marks[0] == 0
    assert marks[-1] >= top * (1 - 1e-9)
    assert 2 <= len(marks) <= 12


UNITS = {"00001": "Phường Phú Thượng/003", "00002": "Thị trấn Chúc Sơn tên rất dài và còn dài hơn nữa/003"}
START = date(2023, 5, 5)


def story() -> Story:
    """Return a campaign of which each report has something to draw."""
    told = Story(
        units_csv(UNITS, {"003": "Quận Tây Hồ"}),
        {"all": {"00001": 35, "00002": 60}},
        START,
        rounds=["1,team-1,00001"],
        settings={"deadlines": {"city": date(2023, 6, 30)}},
    )
    told.happened(
        over_days(35, START, 5, "collected", "00001", operator="binh"),
        over_days(40, START, 5, "collected", "00002", place="mobile", operator="lan"),
        over_days(20, START, 5, "sent", "00001"),
        people(2, "override", "00001", at(START), operator="binh"),
        people(2, "fault", "00001", at(START), cause="power", minutes=30),
    )
    return told


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("after", [-1, 0, 5])
def test_every_report_has_a_plot_that_fits_or_says_that_there_is_none(name: str, after: int) -> None:
    day = START + timedelta(days=after)
    page = FORMATS["html"](made(story().book(), name, day, [File("f-1", "00001", True, False)])).decode()
    drawing = re.search(r"<svg.*?</svg>", page)
    assert drawing or "There is nothing to draw yet." in page
    if after == 5:
        assert drawing
    if drawing:
        drawn = ET.fromstring(drawing[0])
        _, _, width, height = map(float, drawn.attrib["viewBox"].split())
        for text in drawn.iter("text"):
            x, words = float(text.attrib["x"]), len(text.text or "")
            before = {"start": 0.0, "middle": words / 2, "end": words}[text.attrib["text-anchor"]]
            assert x - before * WIDE >= 0, f"{text.text} is cut off at the left"
            assert x + (words - before) * WIDE <= width, f"{text.text} is cut off at the right"
            assert 0 <= float(text.attrib["y"]) <= height


def test_what_an_interval_lacks_is_said_in_words() -> None:
    told = Story(units_csv(UNITS, {"003": "Quận Tây Hồ"}), {"all": {"00001": 35}}, START)
    told.happened(over_days(10, START, 1, "collected", "00001"))
    said = [made(told.book(), "forecast", START + timedelta(days=day)).table.notes[-1] for day in (0, 1, 14)]
    last = START + timedelta(days=3)  # 25 left at 10 a day
    assert said[0] == f"all together: 25 left, 10 a day, {last} (no interval from fewer than two days)"
    early = START + timedelta(days=3)  # at 5 + 1.645 * 7.07 / 1.41
    assert said[1].endswith(f"5 a day, {START + timedelta(days=6)} ({early} at the earliest, perhaps never)")
    assert said[2] == "all together: 25 left, 0 a day, no date at this rate"


def test_the_forecasts_are_drawn_with_their_interval_and_the_deadlines() -> None:
    for name in ("forecast", "forecast-total"):
        one = made(story().book(), name, START + timedelta(days=5)).table.plot
        assert one
        assert {"forecast", "early", "late"} <= set(one.series)
        assert one.marks == {"city": "2023-06-30"}
        drawn = ET.fromstring(svg(one))
        assert "city 2023-06-30" in {text.text for text in drawn.iter("text")}
        upright = [line for line in drawn.iter("line") if line.attrib["x1"] == line.attrib["x2"]]
        assert len(upright) == 1
        assert len(list(drawn.iter("polyline"))) == len(one.series)
    course = made(story().book(), "forecast-total", START + timedelta(days=5)).table
    (row,) = course.rows
    assert course.plot
    for end in ("early", "forecast", "late"):
        day = course.plot.labels.index(str(row[end]))
        assert course.plot.series[end][day] == 95
        assert course.plot.series[end][day + 1 : day + 2] in ([None], [])


def test_many_deadlines_lie_apart() -> None:
    drawn = ET.fromstring(svg(PLOT._replace(marks=dict.fromkeys("abc", "12 May"))))
    heights = {
        float(text.attrib["y"]) for text in drawn.iter("text") if (text.text or "").endswith(" 12 May")
    }
    assert len(heights) == 3


def test_operators_of_whom_nothing_stands_out_are_no_page_of_zeros() -> None:
    told = story()
    told.streams = told.streams[:1]
    page = FORMATS["html"](made(told.book(), "operators", START + timedelta(days=5))).decode()
    assert "binh" in page
    assert "There is nothing to draw yet." in page
    assert "<svg" not in page


def test_names_of_lines_that_end_together_lie_apart() -> None:
    drawn = ET.fromstring(svg(PLOT._replace(series={name: [0.0, 1.0, 0.0] for name in "abc"})))
    ends = sorted(float(text.attrib["y"]) for text in drawn.iter("text") if text.text in ("a", "b", "c"))
    assert len(ends) == 3
    assert min(below - above for above, below in itertools.pairwise(ends)) >= 14


def test_a_long_name_keeps_its_code() -> None:
    page = FORMATS["html"](made(story().book(), "few-left", START + timedelta(days=5))).decode()
    (label,) = re.findall(r">(Thị trấn[^<]*…[^<]*)</text>", page)
    assert label.endswith(" (00002)")
    assert len(label) <= 48


def test_bars_of_several_series_stand_behind_each_other() -> None:
    plot = Plot("sums", ["one", "two"], {"a": [1.0, 0.0], "b": [3.0, 2.0]}, bars=True)
    drawn = ET.fromstring(svg(plot))
    bars = [bar for bar in drawn.iter("rect") if bar.attrib["height"] != "12.0"]
    (first, second, *_) = [(float(bar.attrib["x"]), float(bar.attrib["width"])) for bar in bars]
    assert second[0] == pytest.approx(first[0] + first[1])
    assert second[1] == pytest.approx(3 * first[1], rel=0.01)
    assert {"a", "b", "4", "2"} <= {text.text for text in drawn.iter("text")}

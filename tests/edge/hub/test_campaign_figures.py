"""Figures of the real campaign: per-person events and imported lists go in, people's reports say them.

Names and figures are those of press reports of 2020-12 to 2023-07; codes are the official ones. In each test
one event more or less changes the figure.
"""

import csv
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from edge.campaign.events import Event
from edge.campaign.reports.manifest import File, manifest_hash
from edge.campaign.reports.render import as_text
from edge.campaign.reports.table import Table, shown
from edge.campaign.slots import Shift, Slots, book
from edge.errors import BadCommand
from edge.subject import Birth, Stated, age_range, remarks_on
from tests.edge.hub.campaigns import Story, at, made, over_days, people, row, spread, table, units_csv

MAY10, MAY18 = date(2023, 5, 10), date(2023, 5, 18)
DISTRICTS = {
    "001": "Quận Ba Đình",
    "003": "Quận Tây Hồ",
    "004": "Quận Long Biên",
    "007": "Quận Hai Bà Trưng",
    "016": "Huyện Sóc Sơn",
    "017": "Huyện Đông Anh",
    "018": "Huyện Gia Lâm",
    "019": "Quận Nam Từ Liêm",
    "020": "Huyện Thanh Trì",
    "021": "Quận Bắc Từ Liêm",
    "268": "Quận Hà Đông",
    "269": "Thị xã Sơn Tây",
    "271": "Huyện Ba Vì",
    "272": "Huyện Phúc Thọ",
    "273": "Huyện Đan Phượng",
    "277": "Huyện Chương Mỹ",
    "278": "Huyện Thanh Oai",
    "279": "Huyện Thường Tín",
    "280": "Huyện Phú Xuyên",
    "281": "Huyện Ứng Hòa",
    "PC06": "Phòng PC06",
    "999": "Elsewhere",
}
WEEK_1 = {
    "00091": "Phú Thượng/003",
    "00094": "Nhật Tân/003",
    "00097": "Tứ Liên/003",
    "00100": "Quảng An/003",
    "00103": "Xuân La/003",
    "00106": "Yên Phụ/003",
    "00109": "Bưởi/003",
    "00112": "Thụy Khuê/003",
    "09718": "Vân Hà/272",
}
WEEK_2 = {  # in the order of the article
    "00004": "Trúc Bạch/001",
    "00595": "Thượng Cát/021",
    "00136": "Phúc Lợi/004",
    "00661": "Yên Mỹ/020",
    "10156": "Kim An/278",
    "10114": "Kim Bài/278",
    "09598": "Xuân Sơn/269",
    "09577": "Phú Thịnh/269",
    "09592": "Đường Lâm/269",
    "09826": "Đồng Tháp/273",
    "09808": "Liên Trung/273",
    "09829": "Song Phượng/273",
    "09802": "Liên Hà/273",
    "09787": "Trung Châu/273",
    "10417": "Hòa Phú/281",
    "10339": "Phú Yên/280",
    "10297": "Văn Hoàng/280",
    "10288": "Tri Trung/280",
}
NAMESAKES = {"00475": "Vân Hà/017", "00484": "Liên Hà/017"}
NEXT_WEEK = {
    "00685": "Đông Mỹ/020",
    "00652": "Hữu Hoà/020",
    "00640": "Văn Điển/020",
    "00376": "Sóc Sơn/016",
    "00385": "Hồng Kỳ/016",
    "00430": "Đức Hoà/016",
    "00388": "Nam Sơn/016",
    "09586": "Sơn Lộc/269",
    "09601": "Trung Hưng/269",
    "09607": "Trung Sơn Trầm/269",
}


def quota_of(codes: Iterable[str], number: int) -> dict[str, int]:
    return dict.fromkeys(codes, number)


def names(codes: Iterable[str], of: dict[str, str]) -> list[str]:
    return [of[code].split("/")[0] for code in codes]


# row 1


def finished_story(last_person: bool = True) -> Story:
    """579 units of which 27 reach their quota of 12 people in the weeks of 8 and of 15 May 2023."""
    named = {**WEEK_1, **WEEK_2, **NAMESAKES}
    units = units_csv(named, DISTRICTS, filler=579 - len(named))
    quotas = quota_of([line.split(",")[2] for line in units[1:] if line.split(",")[2]], 12)
    story = Story(units, {"all": quotas}, MAY10)
    for place, code in enumerate(WEEK_1):
        story.happened(people(12, "collected", code, at(date(2023, 5, 11), 8 + place)))
    for place, code in enumerate(WEEK_2):
        day = date(2023, 5, 15) + timedelta(days=place // 3)
        short = code == "10288" and not last_person
        story.happened(people(12 - short, "collected", code, at(day, 8 + place % 3)))
    story.happened(*(people(11, "collected", code, at(date(2023, 5, 12))) for code in NAMESAKES))
    return story


def test_row_1_finished_units_by_week() -> None:
    book = finished_story().book()
    one = table(book, "finished", date(2023, 5, 21))
    weeks = Counter(one.column("week"))
    assert weeks == {"2023-W19": 9, "2023-W20": 18}
    assert "27 of 579 units are finished (2023-W19: 9, 2023-W20: 18)" in one.notes
    assert one.column("code")[9:] == list(WEEK_2)
    assert one.column("unit")[9:] == names(WEEK_2, WEEK_2)
    assert row(one, unit="Vân Hà")["district"] == "Huyện Phúc Thọ", "not its namesake in Đông Anh"
    assert row(one, unit="Liên Hà")["code"] == "09802"
    assert len(table(book, "finished", date(2023, 5, 14)).rows) == 9
    less = table(finished_story(last_person=False).book(), "finished", date(2023, 5, 21))
    assert less.column("unit")[9:] == names(WEEK_2, WEEK_2)[:-1]


# row 2


def test_row_2_units_expected_next_week() -> None:
    slow = {f"{90000 + n}": f"Commune {n}/999" for n in range(5)}
    units = units_csv({**NEXT_WEEK, **WEEK_1}, DISTRICTS, filler=5)
    story = Story(units, {"all": quota_of([*NEXT_WEEK, *WEEK_1, *slow], 120)}, MAY10)
    story.happened(*(over_days(90, MAY10, 12, "collected", code) for code in NEXT_WEEK))  # 4 days left
    story.happened(*(over_days(120, MAY10, 12, "collected", code) for code in WEEK_1))  # finished
    story.happened(*(over_days(60, MAY10, 12, "collected", code) for code in slow))  # 12 days left
    day = date(2023, 5, 21)
    one = table(story.book(), "expected", day)
    assert set(one.column("unit")) == set(names(NEXT_WEEK, NEXT_WEEK))
    assert len(one.rows) == 10
    assert one.notes[0] == "10 units"
    assert set(one.column("forecast")) == {date(2023, 5, 25)}
    assert len(table(story.book(), "expected", day, unit="016").rows) == 4
    # 17 more people make the rate of one slow unit enough for seven days: 77 in 12 days, 43 left, 6.7 days
    story.happened(people(17, "collected", "90000", at(day)))
    assert set(table(story.book(), "expected", day).column("code")) == {*NEXT_WEEK, "90000"}


# row 3


def test_row_3_units_with_fewer_than_50_left_and_their_trend() -> None:
    codes = [f"{90000 + n}" for n in range(579)]
    story = Story(units_csv({}, DISTRICTS, filler=579), {"all": quota_of(codes, 100)}, date(2023, 5, 5))
    story.happened(*(people(51, "collected", code, at(date(2023, 5, 5))) for code in codes[:52]))
    story.happened(*(people(60, "collected", code, at(date(2023, 5, 20))) for code in codes[52:209]))
    story.happened(*(people(49, "collected", code, at(date(2023, 5, 20))) for code in codes[:27]))  # finished
    last = date(2023, 5, 22)
    one = table(story.book(), "few-left-trend", last)
    assert row(one, day=date(2023, 5, 5))["few"] == 52
    assert row(one, day=last) == {"day": last, "few": 182, "finished": 27}
    assert "finished units are not among those with few left" in one.notes
    assert len(table(story.book(), "few-left", last).rows) == 182
    story.happened(people(50, "collected", codes[300], at(last)))  # 50 left are not fewer than 50
    assert row(table(story.book(), "few-left-trend", last), day=last)["few"] == 182
    story.happened(people(1, "collected", codes[300], at(last, 10)))
    assert row(table(story.book(), "few-left-trend", last), day=last)["few"] == 183


# row 4


def first_time_story(people_done: int) -> Story:
    story = Story(
        units_csv(WEEK_1, DISTRICTS),
        {"first-time": {"003": 134_329}},
        MAY10,
        measures={"first-time": ("collected/first-time",)},
    )
    story.happened(over_days(people_done, MAY10, 9, "collected", "00091", issue="first-time"))
    return story.happened(people(500, "collected", "00091", at(MAY18), issue="exchange"))


def test_row_4_rate_and_linear_end_of_first_time_files() -> None:
    book = first_time_story(44_759).book()
    one = row(table(book, "summary", MAY18), what="collected/first-time")
    assert (one["number"], one["base"], shown(one["rate"], "share")) == (44_759, 134_329, "33.3 %")
    cast = row(table(book, "forecast-total", MAY18), what="collected/first-time")
    assert cast["daily"] == 44_759 / 9
    assert round(float(str(cast["daily"]))) == 4973
    assert cast["left"] == 89_570
    assert round(89_570 / (44_759 / 9), 2) == 18.01
    assert cast["forecast"] == date(2023, 6, 5)
    other = table(first_time_story(44_758).book(), "forecast-total", MAY18)
    assert row(other, what="collected/first-time")["left"] == 89_571


# row 5


def test_row_5_units_at_risk_against_two_deadlines() -> None:
    start, today = date(2023, 5, 5), date(2023, 5, 21)
    story = Story(
        units_csv({"09619": "Tây Đằng/271", "10015": "Chúc Sơn/277"}, DISTRICTS),
        {"all": {"271": 14 * 10 + 3 * 10 + 53 * 10, "277": 17 * 10 + 42 * 10}},
        start,
        settings={"deadlines": {"city": date(2023, 6, 30), "ministry": date(2023, 7, 31)}},
    )
    story.happened(
        over_days(170, start, 17, "collected", "09619"), over_days(170, start, 17, "collected", "10015")
    )
    one = table(story.book(), "forecast", today, by="district")
    ba_vi, chuong_my = (row(one, code=code) for code in ("271", "277"))
    assert (ba_vi["unit"], ba_vi["forecast"]) == ("Huyện Ba Vì", date(2023, 7, 13))
    assert (ba_vi["city"], ba_vi["ministry"]) == (13, -18)
    assert (chuong_my["unit"], chuong_my["forecast"]) == ("Huyện Chương Mỹ", date(2023, 7, 2))
    assert (chuong_my["city"], chuong_my["ministry"]) == (2, -29)
    assert ba_vi["early"] == ba_vi["late"] == ba_vi["forecast"], "ten people on each day: nothing varies"
    story.happened(people(10, "collected", "09619", at(today, 11)))
    ba_vi = row(table(story.book(), "forecast", today, by="district"), code="271")
    early, when, late = (ba_vi[key] for key in ("early", "forecast", "late"))
    assert isinstance(early, date)
    assert isinstance(when, date)
    assert isinstance(late, date)
    assert early < when < late
    assert when < date(2023, 7, 13)


# rows 6 and 9


def test_row_6_ranking_with_rates_above_the_target() -> None:
    done = {"003": 1061, "268": 1053, "019": 1027, "004": 999, "018": 870}
    story = Story(units_csv(WEEK_1, DISTRICTS), {"all": quota_of(done, 1000)}, MAY10)
    story.happened(*(people(n, "collected", code, at(MAY18)) for code, n in done.items()))
    one = table(story.book(), "ranking", MAY18)
    assert one.column("unit")[:3] == ["Quận Tây Hồ", "Quận Hà Đông", "Quận Nam Từ Liêm"]
    assert [shown(cell, "share") for cell in one.column("rate")[:4]] == [
        "106.1 %",
        "105.3 %",
        "102.7 %",
        "99.9 %",
    ]
    assert one.column("beyond")[:3] == [61, 53, 27]
    story.happened(people(9, "collected", "268", at(MAY18, 11)))
    assert table(story.book(), "ranking", MAY18).column("code")[:2] == ["268", "003"]


def test_row_9_ranking_of_activation() -> None:
    active = {"018": 887, "268": 934, "003": 944, "001": 886}
    story = Story(
        units_csv(WEEK_1, DISTRICTS),
        {"people": quota_of(active, 1000)},
        MAY10,
        measures={"people": ("activated",)},
    )
    story.happened(*(people(n, "activated", code, at(MAY18)) for code, n in active.items()))
    one = table(story.book(), "ranking", MAY18)
    assert one.column("unit")[:3] == ["Quận Tây Hồ", "Quận Hà Đông", "Huyện Gia Lâm"]
    assert [shown(cell, "share") for cell in one.column("rate")[:3]] == ["94.4 %", "93.4 %", "88.7 %"]
    story.happened(people(2, "activated", "001", at(MAY18, 11)))
    assert table(story.book(), "ranking", MAY18).column("unit")[2] == "Quận Ba Đình"


# rows 8 and 10: the whole city, one event for each person

JULY1 = date(2023, 7, 1)


def test_row_8_accounts_have_a_base_of_their_own() -> None:
    edges = {"least": 5_982_585, "too-few": 5_982_584, "most": 5_990_598, "too-many": 5_990_599}
    bases = {"accounts": 5_986_000, "campaign": 6_266_539, **edges}
    story = Story(
        units_csv(WEEK_1, DISTRICTS),
        {},
        MAY10,
        totals=bases,
        measures=dict.fromkeys(bases, ("account", "activated")),
    )
    story.happened(
        people(3_000_000, "account-1", "00091", at(JULY1)),
        people(2_330_114, "account-2", "00094", at(JULY1)),
        people(4_471_982, "activated", "00094", at(JULY1)),
    )
    book = story.book()
    one = table(book, "summary", JULY1)
    account = row(one, what="account", of="total accounts")
    activated = row(one, what="activated", of="total accounts")
    assert (account["number"], activated["number"]) == (5_330_114, 4_471_982)
    assert round(100 * float(str(account["rate"]))) == 89
    assert shown(activated["rate"], "share") == "74.7 %"
    wrong = [row(one, what=what, of="total campaign")["rate"] for what in ("account", "activated")]
    assert [shown(cell, "share") for cell in wrong] == ["85.1 %", "71.4 %"], "another base, another rate"
    rates = {name: row(one, what="activated", of=f"total {name}")["rate"] for name in edges}
    assert [shown(cell, "share") for cell in rates.values()] == ["74.7 %", "74.8 %", "74.7 %", "74.6 %"]
    book.tally.fold(people(1, "account-1", "00091", at(JULY1, 12)))
    assert row(table(book, "summary", JULY1), what="account", of="total accounts")["number"] == 5_330_115


def test_row_10_a_rate_just_above_the_whole() -> None:
    story = Story(units_csv(WEEK_1, DISTRICTS), {"all": {"003": 6_266_539}}, MAY10)
    story.happened(people(6_266_767, "collected", "00091", at(JULY1)))
    book = story.book()
    one = row(table(book, "summary", JULY1), what="collected", of="list all")
    assert (one["number"], one["base"], one["beyond"]) == (6_266_767, 6_266_539, 228)
    assert round(100 * float(str(one["rate"])), 4) == 100.0036
    assert shown(one["rate"], "share") == "100.0 %"
    book.tally.fold(people(1, "collected", "00091", at(JULY1, 12)))
    assert row(table(book, "summary", JULY1), what="collected", of="list all")["beyond"] == 229


# row 11


def test_row_11_milestones_of_order_01() -> None:
    story = Story(
        units_csv(WEEK_1, DISTRICTS),
        {"all": {"00091": 100}},
        date(2023, 5, 5),
        settings={"milestones_days": {"cards": 45, "order-01": 60}},
    )
    story.happened(over_days(50, date(2023, 5, 5), 10, "collected", "00091"))
    book = story.book()
    assert book.campaign.milestones() == {"cards": date(2023, 6, 19), "order-01": date(2023, 7, 4)}
    one = table(book, "forecast", date(2023, 5, 14))
    assert [column.title for column in one.columns[-2:]] == [
        "days after cards (2023-06-19)",
        "days after order-01 (2023-07-04)",
    ]
    assert (one.rows[0]["forecast"], one.rows[0]["cards"]) == (date(2023, 5, 24), -26)
    book.tally.fold(people(5, "collected", "00091", at(date(2023, 5, 14), 12)))
    assert table(book, "forecast", date(2023, 5, 14)).rows[0]["cards"] == -28


# row 12


def test_row_12_who_is_14_on_the_day_of_the_capture_counts_as_14() -> None:
    """The eve of a birthday is refused at the booth (`edge.subject`), the birthday is taken and counted."""
    stated = Stated("001209000001", birth=Birth(2009, 5, 18))
    eve, birthday = (
        [remark.name for remark in remarks_on(stated, day) if remark.refused]
        for day in (MAY18 - timedelta(days=1), MAY18)
    )
    assert (eve, birthday) == (["too-young"], [])
    for age, young in ((age_range(Birth(2009, 5, 18), MAY18)[0], 0), (13, 1)):
        story = Story(units_csv(WEEK_1, DISTRICTS), {"all": {"00091": 10}}, MAY10)
        story.happened(people(1, "collected", "00091", at(MAY18), age=age))
        one = table(story.book(), "ages", MAY18)
        assert row(one, age="below-14")["collected"] == young
        assert row(one, age="14-17")["collected"] == 1 - young


# row 14


def test_row_14_age_groups_add_up() -> None:
    story = Story(units_csv(WEEK_1, DISTRICTS), {"all": {"00091": 1000}}, MAY10)
    spans = {13: 1, 14: 20, 17: 5, 18: 30, 24: 7, 25: 40, 59: 11, 60: 50, 99: 2, -1: 4}
    story.happened(*(people(n, "collected", "00091", at(MAY10) + age, age=age) for age, n in spans.items()))
    book = story.book()
    one = table(book, "ages", MAY10)
    numbers = dict(zip(one.column("age"), one.column("collected"), strict=True))
    young = {"below-14": 1, "14-17": 25, "18-24": 37}
    assert numbers == {**young, "25-39": 40, "40-59": 11, "60+": 52, "unknown": 4, "total": 170}
    assert row(one, age="total")["share"] == 1.0
    book.tally.fold(people(1, "collected", "00091", at(MAY10, 15), age=40))
    after = table(book, "ages", MAY10)
    assert (row(after, age="40-59")["collected"], row(after, age="total")["collected"]) == (12, 171)


# rows 16 and 17

THUONG_TIN = {f"{code}": f"unit {code}/279" for code in range(10183, 10268, 3)}  # a town and 28 communes


def test_row_16_fixed_and_mobile_add_up() -> None:
    story = Story(units_csv(THUONG_TIN, DISTRICTS), {"all": {"279": 189_213}}, date(2021, 3, 1))
    day = date(2021, 5, 31)
    story.happened(people(22_104, "collected", "279", at(day), place="fixed"))
    for place, code in enumerate(THUONG_TIN):
        story.happened(people(4533 + (place < 22), "collected", code, at(day), place="mobile"))
    book = story.book()
    one = row(table(book, "places", day), code="279")
    assert (one["fixed"], one["mobile"], one["unknown"], one["total"]) == (22_104, 131_479, 0, 153_583)
    assert round(100 * float(str(one["rate"])), 2) == 81.17
    assert shown(one["mobile_share"], "share") == "85.6 %"
    assert one["quota"] == 189_213
    book.tally.fold(people(1, "collected", "279", at(day, 12)))
    more = row(table(book, "places", day), code="279")
    assert (more["unknown"], more["total"]) == (1, 153_584)


def test_row_17_a_round_that_lists_28_of_29_units() -> None:
    assert len(THUONG_TIN) == 29
    lines = [f"2,team {n % 4 + 1},{code}" for n, code in enumerate(list(THUONG_TIN)[1:])]
    story = Story(units_csv(THUONG_TIN, DISTRICTS), {"all": {"279": 10}}, date(2021, 3, 1), rounds=lines)
    one = table(story.book(), "rounds", date(2021, 3, 1))
    listed = row(one, code="279", round=2)
    assert (listed["teams"], listed["listed"], listed["official"], listed["differs"]) == (4, 28, 29, True)
    assert one.notes == ["round 2 of Huyện Thường Tín lists 28 of 29 units; without unit 10183 (10183)"]
    story.rounds.append("2,team 1,10183")
    whole = table(story.book(), "rounds", date(2021, 3, 1))
    assert (row(whole, round=2)["differs"], whole.notes) == (False, [])


# rows 19 and 20


def test_row_19_the_deadlines_of_2021() -> None:
    start, today = date(2021, 6, 1), date(2021, 6, 20)
    story = Story(
        units_csv(WEEK_1, DISTRICTS),
        {"all": {"00091": 400}},
        start,
        settings={"deadlines": {"population": date(2021, 7, 1), "cards": date(2021, 7, 31)}},
    )
    story.happened(over_days(200, start, 20, "collected", "00091"))  # ten a day, 20 days left
    one = table(story.book(), "forecast", today)
    titles = [column.title for column in one.columns[-2:]]
    assert titles == ["days after population (2021-07-01)", "days after cards (2021-07-31)"]
    ward = row(one, code="00091")
    assert (ward["forecast"], ward["population"], ward["cards"]) == (date(2021, 7, 10), 9, -21)
    story.happened(people(100, "collected", "00091", at(today, 12)))
    sooner = row(table(story.book(), "forecast", today), code="00091")
    assert (sooner["left"], sooner["population"]) == (100, -5), "240 in the last 14 days: 5.8 days more"


def test_row_20_an_initial_list_of_two_and_a_half_million() -> None:
    """The survey's list by unit: the base of every rate, of which nobody has a card at the beginning."""
    codes = [f"{90000 + n}" for n in range(579)]
    listed = dict(zip(codes, spread(2_500_000, 579), strict=True))
    story = Story(units_csv({}, DISTRICTS, filler=579), {"survey": listed}, date(2021, 1, 1))
    day = date(2021, 1, 1)
    story.happened(people(25_000, "collected", codes[0], at(day)))
    one = row(table(story.book(), "summary", day), of="list survey")
    assert (one["number"], one["base"], one["rate"]) == (25_000, 2_500_000, 0.01)
    story.happened(people(1, "collected", codes[1], at(day, 11)))
    story.quotas["survey"][codes[2]] += 1
    one = row(table(story.book(), "summary", day), of="list survey")
    assert (one["number"], one["base"]) == (25_001, 2_500_001)


# rows 7 and 18


def test_row_18_slots_of_a_hamlet_have_a_cap() -> None:
    shifts = (Shift(time(7, 30), time(11, 30)), Shift(time(13), time(17)), Shift(time(17, 30), time(22, 30)))
    slots = Slots(shifts, minutes=60, cap=25)
    saturday = date(2021, 5, 29)
    begins = list(slots.of(saturday))
    assert (begins[0].time(), begins[-1].time(), len(begins)) == (time(7, 30), time(21, 30), 13)
    booked = book(slots, {}, "hamlet 1", begins[0], people=24)
    booked = book(slots, booked, "hamlet 1", begins[0])
    with pytest.raises(BadCommand, match="takes 25 people, 25 are booked: choose another"):
        book(slots, booked, "hamlet 1", begins[0])
    assert book(slots, booked, "hamlet 2", begins[0])["hamlet 2", begins[0]] == 1
    with pytest.raises(BadCommand, match="no slot begins at 2021-05-29 12:00"):
        book(slots, booked, "hamlet 1", datetime.combine(saturday, time(12)))


def test_row_7_a_session_on_sunday_mornings() -> None:
    slots = Slots((Shift(time(8), time(11), frozenset({6})),), minutes=60, cap=25)
    sunday, monday = date(2023, 5, 21), date(2023, 5, 22)
    assert [one.time() for one in slots.of(sunday)] == [time(8), time(9), time(10)]
    assert list(slots.of(monday)) == []
    with pytest.raises(BadCommand, match="nobody works then"):
        book(slots, {}, "university", datetime.combine(sunday, time(11)))


# rows 21 and 25

APRIL8 = date(2021, 4, 8)


def test_row_21_cleaned_files_at_16_00() -> None:
    story = Story(
        units_csv(WEEK_1, DISTRICTS),
        {},
        date(2021, 1, 1),
        totals={"population": 6_818_112},
        measures={"population": ("cleaned",)},
    )
    story.happened(
        people(500_000, "cleaned", "00091", at(date(2021, 4, 7))),
        people(15_392, "cleaned", "00094", at(APRIL8, 15)),
        people(777, "cleaned", "00094", at(APRIL8, 16, 0, 1)),
    )
    one = row(table(story.book(until=at(APRIL8, 16)), "summary", APRIL8), what="cleaned")
    assert (one["number"], one["base"]) == (515_392, 6_818_112)
    assert round(100 * float(str(one["rate"])), 2) == 7.56
    assert row(table(story.book(), "summary", APRIL8), what="cleaned")["number"] == 516_169


def spring_of_2021() -> Story:
    story = Story(
        units_csv(WEEK_1, DISTRICTS),
        {},
        date(2021, 1, 1),
        totals={"population": 6_818_112, "eligible": 6_140_000},
    )
    return story.happened(
        over_days(2_046_079, date(2021, 1, 1), 98, "collected", "00091"),
        people(926_241, "sent", "00091", at(APRIL8)),
        people(122_735, "received", "00091", at(APRIL8)),
    )


def test_rows_25_and_27_one_number_with_two_bases_and_the_chain() -> None:
    book = spring_of_2021().book()
    one = table(book, "summary", APRIL8)
    over_30, third = (
        row(one, what="collected", of=f"total {name}")["rate"] for name in ("population", "eligible")
    )
    assert round(100 * float(str(over_30)), 3) == 30.009
    assert round(float(str(third)), 2) == 0.33
    received = row(one, what="received", of="sent")
    assert (received["number"], received["base"]) == (122_735, 926_241)
    assert round(100 * float(str(received["rate"])), 2) == 13.25
    assert shown(row(one, what="sent", of="collected")["rate"], "share") == "45.3 %"
    book.tally.fold(people(1, "received", "00091", at(APRIL8, 15)))
    assert row(table(book, "summary", APRIL8), what="received", of="sent")["number"] == 122_736


# row 26


def test_row_26_the_manifest_of_a_day() -> None:
    story = Story(units_csv(WEEK_1, DISTRICTS), {"all": {"00091": 10}}, date(2021, 1, 1))
    files = [File(f"{n:064x}", "00091", n < 3, n < 2) for n in range(5)]
    one = made(story.book(), "manifest", APRIL8, files=files).table
    assert len(one.rows) == 5
    assert one.notes == [
        f"5 files, SHA-256 {manifest_hash(file.file for file in files)}",
        "3 sent, 2 acknowledged, 3 not yet acknowledged",
        "sent and acknowledged: as it is known when this is made, whatever the day",
    ]
    fewer = made(story.book(), "manifest", APRIL8, files=files[1:]).table
    assert fewer.notes[0] != one.notes[0]


# row 28


def test_row_28_four_units_have_sent_more_than_70_per_cent() -> None:
    sent = {"PC06": 86, "020": 81, "268": 72, "007": 71, "001": 70, "003": 45, "004": 12}
    story = Story(units_csv(WEEK_1, DISTRICTS), {"all": {"00091": 10}}, date(2021, 1, 1))
    story.happened(*(people(100, "collected", code, at(APRIL8)) for code in sent))
    story.happened(*(people(n, "sent", code, at(APRIL8)) for code, n in sent.items()))
    one = table(story.book(), "sent", APRIL8)
    assert [(line["unit"], shown(line["share"], "share")) for line in one.rows if not line["low"]] == [
        ("Phòng PC06", "86.0 %"),
        ("Huyện Thanh Trì", "81.0 %"),
        ("Quận Hà Đông", "72.0 %"),
        ("Quận Hai Bà Trưng", "71.0 %"),
    ]
    assert one.notes == ["4 units have sent more than 70 % of their files, 3 have not"]
    story.happened(people(1, "sent", "001", at(APRIL8, 12)))
    assert sum(not line["low"] for line in table(story.book(), "sent", APRIL8).rows) == 5
    story.happened(people(9, "sent", "016", at(APRIL8, 12)))  # of a unit that collected nothing
    other = table(story.book(), "sent", APRIL8)
    assert len(other.rows) == len(one.rows)
    assert other.notes[1:] == [
        "9 more were sent of units that collected nothing: look at the units of the import"
    ]


# row 29


def test_row_29_faults_by_cause_with_minutes_lost() -> None:
    story = Story(units_csv(WEEK_1, DISTRICTS), {"all": {"00091": 10}}, date(2021, 1, 1))
    lost = {"scanner": [5, 10], "software": [30], "network": [60, 60, 1], "power": [120]}
    for cause, minutes in lost.items():
        for each in minutes:
            story.happened(people(1, "fault", "00091", at(APRIL8), cause=cause, minutes=each))
    one = table(story.book(), "faults", APRIL8)
    assert one.rows == [
        {"cause": "scanner", "faults": 2, "minutes": 15},
        {"cause": "software", "faults": 1, "minutes": 30},
        {"cause": "network", "faults": 3, "minutes": 121},
        {"cause": "power", "faults": 1, "minutes": 120},
    ]
    story.happened(people(1, "fault", "00094", at(APRIL8), cause="power", minutes=9))
    assert row(table(story.book(), "faults", APRIL8), cause="power")["minutes"] == 129
    assert row(table(story.book(), "faults", APRIL8, unit="00091"), cause="power")["minutes"] == 120


# row 30


def test_row_30_a_record_after_midnight_belongs_to_the_evening_before() -> None:
    story = Story(units_csv(WEEK_1, DISTRICTS), {"all": {"00091": 10}}, date(2021, 1, 1))
    story.happened(people(1, "collected", "00091", at(date(2021, 4, 9), 0, 30)))
    daily = story.book().daily("collected", None, 98)
    assert (daily[97], daily[98]) == (1, 0)
    assert row(table(story.book(), "summary", APRIL8), what="collected", of="list all")["number"] == 1
    for hour, minute, second, day in ((2, 59, 59, 97), (3, 0, 0, 98)):
        story.streams = [people(1, "collected", "00091", at(date(2021, 4, 9), hour, minute, second))]
        assert story.book().daily("collected", None, 98)[day] == 1


# row 31


def test_row_31_operators_who_stand_out() -> None:
    story = Story(units_csv(WEEK_1, DISTRICTS), {"all": {"00091": 10}}, date(2021, 1, 1))
    speed = {"binh": 140, "chi": 150, "dung": 145, "hoa": 30}
    for who, seconds in speed.items():
        story.happened(people(100, "collected", "00091", at(APRIL8), operator=who, seconds=seconds))
        story.happened(people(2 if who != "chi" else 25, "override", "00091", at(APRIL8), operator=who))
        story.happened(people(100, "fee", "00091", at(APRIL8), operator=who, issue="exchange", amount=15_000))
    fair = table(story.book(), "operators", APRIL8)
    assert row(fair, operator="binh")["outlier"] is False
    assert row(fair, operator="chi")["why"] == "overrides in 25.0 % of files, everybody 7.8 %"
    assert row(fair, operator="hoa")["why"] == "30 seconds a capture, the median operator 142"
    story.happened(people(1, "fee", "00091", at(APRIL8), operator="binh", issue="exchange", amount=140_000))
    one = table(story.book(), "operators", APRIL8)
    assert row(one, operator="binh")["why"] == "1 fees are not what was due, the highest 140,000 dong"
    assert row(one, operator="dung")["outlier"] is False
    story.streams[-1] = people(
        1, "fee", "00091", at(date(2022, 8, 1)), operator="binh", issue="exchange", amount=30_000
    )
    assert row(table(story.book(), "operators", date(2022, 8, 2)), operator="binh")["why"] == "", (
        "another year's fee"
    )


# row 33


def test_row_33_the_legal_basis_stands_on_every_report() -> None:
    basis = ("Dispatch 5764/UBND-NC of 14-12-2020", "1451/UBND-KSTTHC of 17-5-2023")
    story = Story(
        units_csv(WEEK_1, DISTRICTS), {"all": {"00091": 10}}, MAY10, settings={"legal_basis": basis}
    )
    text = as_text(made(story.book(), "summary", MAY18)).decode()
    assert f"Legal basis: {basis[0]}; {basis[1]}" in text


# the official list


@pytest.mark.real_data
def test_the_official_list_of_579_units(real_data: Path) -> None:
    lines = (real_data / "hanoi-579.csv").read_text(encoding="utf-8").splitlines()
    codes = [line["commune_code"] for line in csv.DictReader(lines)]
    story = Story(lines, {"all": quota_of(codes, 5)}, MAY10)
    for code in [*WEEK_1, *WEEK_2]:
        story.happened(people(5, "collected", code, at(MAY10)))
    one: Table = table(story.book(), "finished", MAY18)
    assert one.notes[0] == "27 of 579 units are finished (2023-W19: 27)"
    assert {line["code"] for line in one.rows if "Tây Hồ" in str(line["district"])} == set(list(WEEK_1)[:8])
    assert row(one, unit="Xã Vân Hà")["district"] == "Huyện Phúc Thọ"
    story.happened([Event("x:collected", at(MAY18), "collected", "00475")] * 5)
    assert table(story.book(), "finished", MAY18).notes[0].startswith("28 of 579 units")

"""Who and what: places, ages, rounds, faults, and operators whose numbers stand out."""

from math import sqrt
from statistics import median

from edge.campaign.book import Book, Scope, rate
from edge.campaign.events import CAUSES
from edge.campaign.measures import PARTS
from edge.campaign.reports.table import NAMED, UNIT, Cell, Column, Plot, Table, bars_of, number_of, unit_cells
from edge.campaign.tally import MOST_TAKEN

FEWEST = 20  # collected files below which an operator's shares say nothing
FEWEST_OVERRIDES = 3
SIGMAS = 3.0


def places(book: Book, scope: Scope) -> Table:
    """Collected at fixed and at mobile points; what is unknown is shown, so that the parts add up."""
    rows: list[dict[str, Cell]] = []
    target, _ = book.one_target(scope)
    for code in book.codes(scope):
        total = book.done("collected", code, scope.day)
        quota = book.quota(target, code)
        if total or quota:
            parts = {
                name: book.done(f"place/{name}", code, scope.day) for name in ("fixed", "mobile", "unknown")
            }
            numbers: dict[str, Cell] = {**parts, "total": total, "mobile_share": rate(parts["mobile"], total)}
            numbers |= {"quota": quota, "rate": rate(total, quota)}
            rows.append({**unit_cells(book, code), **numbers})
    counts = tuple(Column(name, name, "number") for name in ("fixed", "mobile", "unknown", "total"))
    shares = (Column("mobile_share", "mobile / total", "share"), Column("quota", "quota", "number"))
    most = sorted(rows, key=lambda row: -number_of(row["total"]))
    plot = bars_of("collected", most, NAMED, fixed="fixed", mobile="mobile", unknown="unknown")
    columns = (*UNIT, *counts, *shares, Column("rate", "rate", "share"))
    return Table("Fixed and mobile points", columns, rows, [], plot)


def ages(book: Book, scope: Scope) -> Table:
    """Collected by age group; the groups and the unknown add up to the total."""
    total = book.done("collected", scope.unit, scope.day)
    names = list(PARTS["age"])
    numbers = {name: book.done(f"age/{name}", scope.unit, scope.day) for name in names}
    rows: list[dict[str, Cell]] = [
        {"age": n, "collected": c, "share": rate(c, total)} for n, c in numbers.items()
    ]
    rows.append({"age": "total", "collected": total, "share": rate(sum(numbers.values()), total)})
    columns = (
        Column("age", "age"),
        Column("collected", "collected", "number"),
        Column("share", "share", "share"),
    )
    plot = Plot("collected by age", names, {"collected": [float(n) for n in numbers.values()]}, bars=True)
    return Table("Collected by age group", columns, rows, [], plot)


def faults(book: Book, scope: Scope) -> Table:
    """Stops by cause, with the minutes lost."""
    rows: list[dict[str, Cell]] = []
    for cause in CAUSES:
        count, minutes = (
            book.done(f"{what}/{cause}", scope.unit, scope.day) for what in ("fault", "minutes")
        )
        rows.append({"cause": cause, "faults": count, "minutes": minutes})
    columns = (
        Column("cause", "cause"),
        Column("faults", "faults", "number"),
        Column("minutes", "minutes", "number"),
    )
    plot = Plot(
        "minutes lost", list(CAUSES), {"minutes": [float(str(row["minutes"])) for row in rows]}, bars=True
    )
    return Table("Faults by cause", columns, rows, [], plot)


def rounds(book: Book, scope: Scope) -> Table:
    """Units of each district in each round's list beside the official number; a difference is a warning."""
    found: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for stop in book.stops:
        found.setdefault((book.units.district(stop.code), stop.round), []).append((stop.team, stop.code))
    sizes = {**book.units.sizes(), **book.campaign.official_units}
    rows: list[dict[str, Cell]] = []
    warnings = []
    for (district, number), listed in sorted(found.items()):
        if scope.unit and district != book.units.district(scope.unit):
            continue
        name, official = book.units.districts[district], sizes.get(district, 0)
        teams = len({team for team, _ in listed})
        row: dict[str, Cell] = {"code": district, "district": name, "round": number, "teams": teams}
        rows.append({**row, "listed": len(listed), "official": official, "differs": len(listed) != official})
        if len(listed) != official:
            missing = [
                code for code in book.units.within(district) if code not in {code for _, code in listed}
            ]
            without = ", ".join(f"{book.units.name(code)} ({code})" for code in missing)
            warnings.append(
                f"round {number} of {name} lists {len(listed)} of {official} units; without {without}"
            )
    columns = (Column("code", "code"), Column("district", "district"), Column("round", "round", "number"))
    numbers = tuple(Column(name, name, "number") for name in ("teams", "listed", "official"))
    return Table(
        "Rounds of the mobile teams",
        (*columns, *numbers, Column("differs", "differs", "yes")),
        rows,
        warnings,
        bars_of(
            "units in the list",
            [
                {**row, "lacking": max(number_of(row["official"]) - number_of(row["listed"]), 0)}
                for row in rows
            ],
            "{district} ({code}), round {round}",
            listed="listed",
            lacking="lacking",
        ),
    )


def operators(book: Book, scope: Scope) -> Table:
    """Operators whose shares of overrides or exceptions, speed or fees stand out, with the reason.

    A share stands out when it lies more than three standard deviations of a binomial share above everybody's,
    with three cases at least; a speed when the mean of seconds is less than half or more than twice that of
    the median operator; a fee when it is not what the dated table says. Operators with fewer than 20 files
    are judged by fees only. Operators are not cut by unit: they work at several.
    """
    names = ("collected", "override", "exception", "fee", "wrong-fee", "timed", "seconds")
    people: dict[str, dict[str, int]] = {}
    everyone = {who for name in names for who in book.tally.keys(f"operator/{name}")}
    for who in sorted(everyone):
        people[who] = {name: book.tally.until(f"operator/{name}", who, scope.day) for name in names}
    totals = {name: sum(one[name] for one in people.values()) for name in names}
    speeds = [one["seconds"] / one["timed"] for one in people.values() if one["timed"] >= FEWEST]
    usual = median(speeds) if speeds else None
    rows: list[dict[str, Cell]] = []
    for who, one in people.items():
        reasons = _reasons(one, totals, usual)
        if one["wrong-fee"]:
            most = max(book.tally.counts[MOST_TAKEN, who][: scope.day + 1])
            reasons.append(f"{one['wrong-fee']} fees are not what was due, the highest {most:,} dong")
        seconds = one["seconds"] / one["timed"] if one["timed"] else None
        row: dict[str, Cell] = {"operator": who, "collected": one["collected"], "overrides": one["override"]}
        row |= {
            "exceptions": one["exception"],
            "seconds": seconds,
            "fees": one["fee"],
            "wrong_fees": one["wrong-fee"],
        }
        rows.append({**row, "outlier": bool(reasons), "why": "; ".join(reasons)})
    rows.sort(key=lambda row: (not row["outlier"], str(row["operator"])))
    numbers = ("collected", "overrides", "exceptions", "seconds", "fees", "wrong_fees")
    columns = tuple(Column(name, name.replace("_", " "), "number") for name in numbers)
    return Table(
        "Operators whose numbers stand out",
        (
            Column("operator", "operator"),
            *columns,
            Column("outlier", "stands out", "yes"),
            Column("why", "why"),
        ),
        rows,
        [],
        bars_of(
            "overrides and exceptions, per cent of files",
            [{**row, **{key: _per_cent(row, key) for key in ("overrides", "exceptions")}} for row in rows],
            "{operator}",
            overrides="overrides",
            exceptions="exceptions",
        ),
    )


def _per_cent(row: dict[str, Cell], key: str) -> float:
    files = number_of(row["collected"])
    return 100 * number_of(row[key]) / files if files else 0.0


def _reasons(one: dict[str, int], totals: dict[str, int], usual: float | None) -> list[str]:
    reasons = []
    files = one["collected"]
    if files >= FEWEST:
        for name in ("override", "exception"):
            share = totals[name] / totals["collected"]
            limit = share + SIGMAS * sqrt(max(share * (1 - share), 0) / files)
            if one[name] >= FEWEST_OVERRIDES and one[name] / files > limit:
                reasons.append(
                    f"{name}s in {100 * one[name] / files:.1f} % of files, everybody {100 * share:.1f} %"
                )
    if usual and one["timed"] >= FEWEST:
        mean = one["seconds"] / one["timed"]
        if not usual / 2 <= mean <= usual * 2:
            reasons.append(f"{mean:.0f} seconds a capture, the median operator {usual:.0f}")
    return reasons

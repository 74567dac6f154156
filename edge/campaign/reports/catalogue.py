"""Every report by the name that people ask for."""

from collections.abc import Callable
from datetime import datetime

from edge.campaign.book import Book, Scope
from edge.campaign.reports import forecast, progress, workings
from edge.campaign.reports.manifest import File, manifest
from edge.campaign.reports.table import Report, Table

OPERATORS = "operators"  # the one that needs what each operator did
REPORTS: dict[str, Callable[[Book, Scope], Table]] = {
    "summary": progress.summary,
    "finished": progress.finished,
    "expected": forecast.expected,
    "few-left": progress.few_left,
    "few-left-trend": progress.few_left_trend,
    "forecast": forecast.forecast,
    "forecast-total": forecast.whole,
    "ranking": progress.ranking,
    "sent": progress.sent,
    "places": workings.places,
    "ages": workings.ages,
    "rounds": workings.rounds,
    OPERATORS: workings.operators,
    "faults": workings.faults,
}
MANIFEST = "manifest"  # the one that needs the day's files as well
BY_DISTRICT = ("ranking", "sent", "places")  # a row for each district unless asked otherwise
OF_ALL = (OPERATORS,)  # not cut by unit: who works at several is judged by all of it
NAMES = (*REPORTS, MANIFEST)


def report(
    name: str, book: Book, scope: Scope, files: list[File] | None = None, until: datetime | None = None
) -> Report:
    """Make a report; what was wrong with the campaign's lists stands in its notes.

    `until` says where the counts stop within the day; they are the book's.
    """
    table = manifest(book, scope, files or []) if name == MANIFEST else REPORTS[name](book, scope)
    table.notes.extend(book.problems)
    of = f"{book.units.name(scope.unit)} ({scope.unit})" if scope.unit else "everything"
    campaign = book.campaign
    return Report(name, campaign.name, campaign.legal_basis, campaign.day(scope.day), of, table, until)

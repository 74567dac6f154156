"""What a hub's file holds into an empty PostgreSQL, all of it or nothing; the file stays as it is."""

from itertools import islice

from edge.errors import BadCommand, VantayError
from edge.hub.campaign_files import UNFILED
from edge.hub.tables import Tables

IN_ORDER = ("packet", "alarm", "campaign_event")  # whose rows are read in the order in which they came
COUNTED = (
    "campaign_count",
    "campaign_definition",
    "campaign_file",
    "campaign_booth",
    "campaign_early",
    "booking",
)
TABLES = ("booth", "entry", "gap", "told", "delivery", "enrolled", *COUNTED, *IN_ORDER)
AT_ONCE = 5000  # rows


def move(file: Tables, database: Tables) -> dict[str, int]:
    """Copy every table; return how many rows each has. BadCommand when something is there already."""
    with file.reading(), database.transaction():
        for table in TABLES:
            if database.db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():  # noqa: S608 - ours
                raise BadCommand(
                    f"the database is not empty (table {table}): a file is moved before a hub has run with it"
                )
        try:
            moved = {table: _copy(file, database, table) for table in TABLES}
            if file.db.execute("SELECT 1 FROM campaign_unfiled").fetchone():
                database.db.execute(UNFILED)  # rows have other numbers there: those that are made stay
            return moved
        except ValueError as error:
            raise VantayError(f"the file holds a text that PostgreSQL does not take ({error})") from None


def _copy(file: Tables, database: Tables, table: str) -> int:
    order = " ORDER BY rowid" if table in IN_ORDER else ""
    rows = iter(file.stream(f"SELECT * FROM {table}{order}"))  # noqa: S608 - ours
    number = 0
    while chunk := list(islice(rows, AT_ONCE)):
        columns = chunk[0].keys()
        names, values = ", ".join(columns), ", ".join("?" * len(columns))
        words = f"INSERT INTO {table} ({names}) VALUES ({values})"  # noqa: S608 - ours
        database.db.executemany(words, [tuple(row) for row in chunk])
        number += len(chunk)
    return number

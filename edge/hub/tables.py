"""What the hub asks of its database, whichever it is: SQLite's file (store.py) or PostgreSQL (postgres.py).

Statements are written once, for both: `?` and `:name` for values, INSERT … ON CONFLICT, no function that only
one of them knows; INDEXED BY is for SQLite alone. Rows are read by place and by name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from edge.errors import VantayError

Place = Path | str  # SQLite's file, or a URL
Values = Sequence[Any] | Mapping[str, Any]
LONGEST_NAME = 200  # characters of what booths name and an index holds: PostgreSQL's take a third of a page


class StoreAway(VantayError):
    """The database cannot be reached, or gave up: nothing of the transaction stands, try again."""


class Rows(Protocol):
    """What a query found."""

    def fetchone(self) -> Any:
        """Return the next row, None when there is none."""

    def fetchall(self) -> list[Any]:
        """Return what is left."""

    def __iter__(self) -> Iterator[Any]: ...


class Asked(Protocol):
    """Takes statements."""

    def execute(self, query: str, values: Values = (), /) -> Rows:
        """Carry out one statement; ValueError for a text that cannot be held."""

    def executemany(self, query: str, values: Iterable[Values], /) -> Any:
        """Carry out a statement for each of many values."""


class Tables(Protocol):
    """The hub's tables."""

    @property
    def db(self) -> Asked:
        """The connection."""

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, on disk when it returns; nested use joins the outer one."""

    def batch(self, names: Iterable[str]) -> AbstractContextManager[None]:
        """A transaction that has what is known by these names to itself."""

    def hold(self, name: str) -> None:
        """Inside a transaction: have what is known by a name to ourselves until it ends."""

    def reading(self) -> AbstractContextManager[None]:
        """Read what stands at one moment."""

    def stream(self, query: str, values: Sequence[Any] = ()) -> Iterable[Any]:
        """Read rows, however many, without holding them all. Inside `reading` or a transaction."""

    def plain(self) -> Asked:
        """Return what gives rows as tuples: quicker where there are many."""

    def each(self, query: str, values: list[Values]) -> Iterator[Any]:
        """Ask for one row for each of many values; yield it as a tuple, None where there is none."""

    def version(self) -> int:
        """Return a number that changes when somebody else has counted events."""

    def for_import(self) -> None:
        """Prepare for very many events."""

    def leads(self) -> bool:
        """Tell whether this collector is the one that does what one does for all."""

    def close(self) -> None:
        """Let go of it."""

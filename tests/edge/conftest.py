"""Stores and keys in a folder that is gone after the test."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.hub.reading import writable
from edge.hub.tables import Tables
from edge.keys import BoothKeys
from edge.store import Store
from tests.edge.parts import make_keys
from tests.edge.postgres import Postgres
from tests.edge.programs import Mosquitto, Program


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A booth's file."""
    store = Store(tmp_path / "booth.db")
    yield store
    store.close()


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One file for the many examples of Hypothesis, each inside `undone`."""
    store = Store(tmp_path_factory.mktemp("shared") / "booth.db")
    yield store
    store.close()


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> BoothKeys:
    """One booth's keys."""
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    server = Postgres.made()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    """The hub's database: None for its file, a URL where nothing is yet for PostgreSQL."""
    return request.getfixturevalue("postgres").fresh() if request.param == "postgres" else None


@pytest.fixture
def hub_store(tmp_path: Path, url: str | None) -> Iterator[Tables]:
    """A hub's tables, with each engine."""
    store = writable(url or tmp_path / "hub.db")
    yield store
    store.close()


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def shared_hub_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tables]:
    """One hub's tables for many examples, each inside `undone`, with each engine."""
    file = tmp_path_factory.mktemp("shared") / "hub.db"
    store = writable(request.getfixturevalue("postgres").fresh() if request.param == "postgres" else file)
    yield store
    store.close()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running mosquitto on a free port."""
    broker = Mosquitto.on_free_port(tmp_path)
    try:
        yield broker.start()
    finally:
        broker.send(signal.SIGCONT)
        broker.kill()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start programs by their words; they are killed after the test, workers' orphans end by themselves."""
    started: list[Program] = []

    def begin(*command: str, name: str = "program") -> Program:
        program = Program(list(command), tmp_path / f"{name}.log")
        started.append(program)
        return program.start()

    yield begin
    for program in reversed(started):
        program.kill()

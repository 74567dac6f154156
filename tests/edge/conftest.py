"""Stores and keys in a folder that is gone after the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.hub.store import HubStore
from edge.keys import BoothKeys
from edge.store import Store
from tests.edge.parts import make_keys


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


@pytest.fixture
def hub_store(tmp_path: Path) -> Iterator[HubStore]:
    """A hub's file."""
    store = HubStore(tmp_path / "hub.db")
    yield store
    store.close()


@pytest.fixture(scope="session")
def shared_hub_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubStore]:
    """One hub's file for many examples, each inside `undone`."""
    store = HubStore(tmp_path_factory.mktemp("shared") / "hub.db")
    yield store
    store.close()

"""A station with a booth on real brokers, and a console."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.commands.demo import Bar, synthetic_people
from tests.system.production import Console, MosquittoStage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[MosquittoStage]:
    """Everything that runs, in a folder that is gone after the test."""
    stage = MosquittoStage(tmp_path, synthetic_people(Bar()), mqtt="auto")
    try:
        stage.set_up()
        yield stage
    finally:
        stage.tear_down()


@pytest.fixture
def console(stage: MosquittoStage) -> Iterator[Console]:
    """Somebody at the booth's own broker."""
    console = Console(stage)
    yield console
    console.link.stop()

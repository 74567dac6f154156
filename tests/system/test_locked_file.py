"""Another program keeps the booth's file locked while somebody is being enrolled."""

import subprocess
import sys

import pytest

from edge.demo.person import Hand
from edge.journal import Journal
from edge.messages import Enrol, MarkMissing, Phase
from edge.store import Store
from tests.system.production import Console, MosquittoStage

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]

SECONDS = 28.0  # longer than a worker that says nothing is waited for


def test_a_booth_outlives_a_long_import_and_loses_nothing(stage: MosquittoStage, console: Console) -> None:
    """A command is refused with the cause, and taken when sent anew; a finger shown is kept when possible."""
    hand, file = Hand(stage.control), stage.folder / "booth" / "booth.db"
    assert console.ask(Enrol(request_id="r-1", identity_number="001090000009")).outcome == "accepted"
    console.until(lambda: console.shows(Phase.PLACE), "the wish for a finger")
    hand.put("0001_01_1.png")
    console.until(lambda: bool(console.state and console.state.accepted == [1]), "the first finger")
    hand.lift()
    console.until(lambda: console.shows(Phase.PLACE), "the wish for the next finger")
    words = [sys.executable, "-m", "tests.edge.hold_lock", str(file), str(SECONDS)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "locked\n"
        mark = MarkMissing(request_id="r-2", position=10, reason="bandaged")
        refused = console.ask(mark, "mark-missing")
        assert refused.outcome == "refused"
        assert "is locked: another program has been writing to it" in refused.reason
        assert refused.wants == "later"
        hand.put("0001_02_1.png")
        console.until(lambda: bool(console.state and console.state.trouble), "the trouble")
        assert console.state
        assert "keeps the booth's file locked" in str(console.state.trouble)
        assert console.state.accepted == [1]
        assert other.poll() is None, "it is still locked"
    console.until(lambda: bool(console.state and console.state.accepted == [1, 2]), "the second finger")
    console.until(lambda: bool(console.state and not console.state.trouble), "the end of the trouble")
    again = console.ask(mark, "mark-missing")
    assert (again.outcome, again.repeated, again.reason) == ("refused", True, refused.reason)
    anew = mark.model_copy(update={"request_id": "r-3"})
    assert console.ask(anew, "mark-missing").outcome == "accepted", "sent anew"
    hand.close()
    assert stage.dead() == []
    assert "worker died" not in (stage.folder / "booth.log").read_text()
    store = Store(file, read_only=True)
    journal = Journal(store)
    journal.verify()
    assert [e.body["position"] for e in journal.of_kind("attempt.made")] == [1, 2], "each once"
    store.close()

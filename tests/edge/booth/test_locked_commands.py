"""What is refused because another program keeps the booth's file locked stays refused."""

import json
from typing import Any

from edge.booth.commands import MOST_PUT_OFF, CommandDesk, Verdict
from edge.keys import BoothKeys
from edge.messages import LATER, Reply
from edge.store import Store
from tests.edge.booth.test_commands import desk_of, enrol
from tests.edge.parts import AT


def judge(desk: CommandDesk, values: dict[str, Any]) -> Verdict:
    return desk.judge("enrol", json.dumps(values).encode(), None, AT)


def put_off(desk: CommandDesk, values: dict[str, Any]) -> Reply:
    return desk.put_off("enrol", json.dumps(values).encode(), judge(desk, values).reply, "it is locked")


def test_what_was_refused_while_the_file_was_locked_is_not_done_later(store: Store, keys: BoothKeys) -> None:
    """`docs/WIRE.md` 82: a copy that a console sent meanwhile would be done after it said 'refused'."""
    desk = desk_of(store, keys)
    refused = put_off(desk, enrol("r1"))
    assert (refused.outcome, refused.reason, refused.wants) == ("refused", "it is locked", LATER)
    copy = judge(desk, enrol("r1"))
    assert copy.reply == refused.model_copy(update={"repeated": True})
    assert copy.entries == []
    assert "was used before" in judge(desk, enrol("r1", again="twice")).reply.reason
    assert judge(desk, enrol("r2")).reply.outcome == "accepted", "sent anew"


def test_only_the_last_of_them_are_remembered(store: Store, keys: BoothKeys) -> None:
    desk = desk_of(store, keys)
    for number in range(MOST_PUT_OFF + 1):
        put_off(desk, enrol(f"r{number}"))
    assert judge(desk, enrol("r1")).reply.repeated
    assert not judge(desk, enrol("r0")).reply.repeated

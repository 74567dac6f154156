"""The documents of the wire: whole, current, and every numbered promise has a test that is there."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from edge import messages
from edge.cli import main
from edge.messages import CHANNELS, COMMANDS
from edge.schema import asyncapi, json_schema, payload_names

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def references(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        found = [tree["$ref"]] if isinstance(tree.get("$ref"), str) else []
        return found + [ref for value in tree.values() for ref in references(value)]
    return [ref for value in tree for ref in references(value)] if isinstance(tree, list) else []


def test_the_document_in_docs_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    """Run `vantay schema > docs/asyncapi.json` after an additive change; anything else is a new version."""
    assert main(["schema"]) == 0
    assert json.loads((DOCS / "asyncapi.json").read_text()) == json.loads(capsys.readouterr().out)


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi("0")
    for reference in references(document):
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    assert references(document)


def test_it_names_every_topic_of_the_wire() -> None:
    addresses = {channel.address for channel in CHANNELS}
    below = "vantay/v1/booth/{booth}/"
    wanted = {below + name for name in (*messages.OUTBOUND, *messages.INBOUND) if "+" not in name}
    wanted |= {f"{below}command/{name}" for name in COMMANDS}
    assert addresses == wanted | {
        messages.HUB_STATUS_TOPIC,
        messages.GALLERY_STATUS_TOPIC,
        messages.gallery_topic("{booth}"),
        messages.campaign_topic("{report}"),
        messages.packet_topic("{booth}", "{packet}", 0).removesuffix("0") + "{offset}",
    }
    assert len({channel.name for channel in CHANNELS}) == len(CHANNELS)


@pytest.mark.parametrize("name", payload_names())
def test_the_schema_of_a_payload_is_valid_and_whole(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", name]) == 0
    schema = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(schema)
    assert schema == json_schema(name)
    assert all(reference.startswith("#/$defs/") for reference in references(schema))


def test_a_command_with_an_unknown_key_does_not_fit_and_a_report_does() -> None:
    command = {"request_id": "r1", "identity_number": "001090000001"}
    validator = Draft202012Validator(json_schema("Enrol"))
    assert validator.is_valid(command)
    assert not validator.is_valid({**command, "nom": "An"})
    report = {"online": True, "release": "1", "at": None, "new": 1}
    assert Draft202012Validator(json_schema("HubStatus")).is_valid(report)


def test_an_unknown_payload_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "Status2"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("vantay: no payload 'Status2'; there are Abandon, Acknowledgement")
    assert said.count("\n") == 1


def test_every_promise_has_a_number_and_a_test_that_is_there() -> None:
    text = (DOCS / "WIRE.md").read_text()
    promises = re.split(r"^(\d+)\. ", text, flags=re.MULTILINE)[1:]
    numbers, says = promises[::2], promises[1::2]
    assert [int(number) for number in numbers] == list(range(1, len(numbers) + 1))
    for number, promise in zip(numbers, says, strict=True):
        tests = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", promise)
        assert tests, f"promise {number} has no test"
        for file, name in tests:
            assert f"def {name}(" in (ROOT / file).read_text(), f"promise {number}: {file} has no {name}"

"""A hub as a process, and a booth's words by the test's hand."""

from collections.abc import Callable
from pathlib import Path

from edge.messages import Acknowledgement, HubStatus, JournalEntry, Phase, State, Status, booth_topic, parse
from tests.edge.parts import AT
from tests.edge.programs import VANTAY, Ear, Mosquitto, Program, ear, until


def database(url: str | None) -> str:
    """Return the line of hub.toml that names the database; it comes first."""
    return f'database = "{url}"\n' if url else ""


def start_hub(folder: Path, mosquitto: Mosquitto, run: Callable[..., Program], more: str = "") -> Program:
    """Start a hub with the configuration `folder`/hub.toml and wait until it is there; `more` comes first."""
    (folder / "hub").mkdir(exist_ok=True)
    broker = f"[broker]\nport = {mosquitto.port}\nkeepalive = 5\n"
    (folder / "hub.toml").write_text(f'data = "hub"\n{more}{broker}')
    program = run(VANTAY, "hub", "--config", str(folder / "hub.toml"), name="hub")
    with ear(mosquitto.broker(), "vantay/v1/hub/status", name="hub-watch") as one:
        one.wait("status", lambda payload: parse(HubStatus, payload).online)
    return program


def tell(one: Ear, booth: str, *entries: JournalEntry) -> None:
    """Send entries and wait for the acknowledgement of the last; the ear hears `+/ack`."""
    for entry in entries:
        one.publish(booth_topic(booth, "journal"), entry.payload())
    wanted = entries[-1].seq

    def acknowledged() -> bool:
        words = [parse(Acknowledgement, word) for word in one.on(f"{booth}/ack")]
        return any(word.seq >= wanted for word in words)

    until(acknowledged, f"the acknowledgement of {wanted}")


def status(booth: str, online: bool, release: str = "0.1.0") -> bytes:
    return Status(booth=booth, online=online, release=release, at=AT).payload()


def state(booth: str, last_seq: int = 0, **changes: object) -> bytes:
    fine = State(
        booth=booth,
        at=AT,
        phase=Phase.IDLE,
        prompt="ready for the next subject",
        scanner="ready",
        matcher="ready",
        last_seq=last_seq,
        acknowledged_seq=0,
    )
    return fine.model_copy(update=changes).payload()

"""In the guest: the booth as its unit runs it enrols a person, and loses its scanner in the middle."""

import os
import pwd
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from edge.demo.person import Person
from edge.demo.script import Visit
from edge.messages import Phase, State
from edge.settings import Broker
from tests.kernel.rack import OneHand, Plugged, Rack

BOOTH = "guest-001"
USER = "vantay"
PLACE, CONFIGURATION = Path("/opt/vantay"), Path("/etc/vantay/booth.toml")
UNITS = Path("/etc/systemd/system")
PULLED_AFTER = 300_000  # bytes: less than one picture
SETTINGS = """booth = "{booth}"
data = "/var/lib/vantay"
keys = "/etc/vantay/keys"

[scanner]
where = "usb:{port}"

[plan]
name = "two-index"
"""
COMPILED_FOR = "[Service]\nEnvironment=NUMBA_CPU_NAME=generic\n"  # as the kernels that came with the guest


def install() -> None:
    """Do what README says of production: user, units, udev rule, broker, keys."""
    systemd = PLACE / "systemd"
    run("systemd-sysusers", str(systemd / "vantay.sysusers.conf"))
    shutil.copy(systemd / "60-vantay.rules", "/etc/udev/rules.d/")
    for unit in systemd.glob("*.service"):
        shutil.copy(unit, UNITS)
    broker = (systemd / "mosquitto-box.conf").read_text().replace("BOOTH", BOOTH)
    Path("/etc/mosquitto/conf.d/vantay.conf").write_text(broker.replace("STATION:1883", "127.0.0.1:1884"))
    (UNITS / "vantay-booth.service.d").mkdir()
    (UNITS / "vantay-booth.service.d" / "guest.conf").write_text(COMPILED_FOR)
    run("udevadm", "control", "--reload")
    run("systemctl", "daemon-reload")
    run("systemd-analyze", "verify", "--man=no", str(UNITS / "vantay-booth.service"))
    CONFIGURATION.parent.mkdir()
    run("vantay", "keys", "ministry", "/root/ministry")
    run("vantay", "keys", "booth", "/etc/vantay/keys", "--ministry", "/root/ministry/ministry.pub")
    for path in (Path("/etc/vantay/keys"), *Path("/etc/vantay/keys").iterdir()):
        shutil.chown(path, USER, USER)


def enrol(
    rack: Rack, scanner: Plugged, fingers: dict[int, list[str]], say: Callable[[str], None]
) -> Counter[str]:
    """Enrol one person by the unit; return how often the journal tells of what."""
    CONFIGURATION.write_text(SETTINGS.format(booth=BOOTH, port=scanner.port))
    run("systemctl", "start", "mosquitto", "vantay-booth")
    pulled, phase = False, None

    def watch(state: State) -> None:
        nonlocal pulled, phase
        if state.phase is not phase:
            phase = state.phase
            say(f"the booth: {state.prompt}")
        if state.phase is Phase.PLACE and state.position == 7 and not pulled and not state.confirming:
            pulled = True
            rack.order(scanner.busid, "unplug", bytes=PULLED_AFTER, seconds=2.0)

    person = Person(Broker(), BOOTH, OneHand(rack.control, scanner.busid))
    try:
        person.visit(Visit("a person", "001090000001", fingers), watch)
    finally:
        person.close()
    assert pulled, "the second finger was never asked for"
    _check_processes()
    run("vantay", "journal", "verify", "--config", str(CONFIGURATION))
    entries = run("vantay", "journal", "show", "--config", str(CONFIGURATION))
    run("systemctl", "stop", "vantay-booth")
    return _told(entries)


def _told(entries: str) -> Counter[str]:
    import json

    told: Counter[str] = Counter()
    for line in entries.splitlines():
        entry = json.loads(line)
        body = entry["body"]
        told[entry["kind"]] += 1
        if entry["kind"] == "scanner.fault":
            told[f"fault: {body['fault']}"] += 1
    return told


def _check_processes() -> None:
    """Each process of the unit is the user's, in that one group, and may gain nothing."""
    control = run("systemctl", "show", "--value", "-p", "ControlGroup", "vantay-booth").strip()
    pids = Path(f"/sys/fs/cgroup{control}/cgroup.procs").read_text().split()
    assert len(pids) >= 3, f"daemon, scanner and matcher are not there: {pids}"
    user = pwd.getpwnam(USER)
    for pid in pids:
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        assert status["Uid"].split() == [str(user.pw_uid)] * 4, status["Uid"]
        assert status["Gid"].split() == [str(user.pw_gid)] * 4, status["Gid"]
        assert set(status["Groups"].split()) <= {str(user.pw_gid)}, status["Groups"]
        assert int(status["CapEff"], 16) == 0, status["CapEff"]
    restarts = run("systemctl", "show", "--value", "-p", "NRestarts", "vantay-booth").strip()
    assert restarts == "0", f"the booth was started again {restarts} times"


def run(*command: str) -> str:
    """Run a program; AssertionError with its last words when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    last = (done.stderr or done.stdout).strip().splitlines()[-3:]
    assert done.returncode == 0, f"{' '.join(command[:3])} ended with {done.returncode}: {' '.join(last)}"
    return done.stdout

"""What a person far away needs to help: read from the box while it runs, nothing of a person among it."""

import errno
import importlib.metadata
import json
import os
import platform
import queue
import socket
import sqlite3
import ssl
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drivers.registry import driver_for
from edge import clock, harmless, log
from edge.booth.reporter import CURSOR
from edge.errors import BadSettings, VantayError
from edge.hub.booths import booths_of, gaps_of
from edge.hub.reading import opened
from edge.hub.tables import Asked, Place
from edge.mqtt import Link, LinkEvent, LinkUp
from edge.settings import BoothSettings, Broker, HubSettings
from edge.store import Store
from edge.tls import context_of

LAST = 200  # entries and
LINES = 500  # log lines told
PROBE_SECONDS = 5.0
REFUSAL_SECONDS = 2.0  # a broker that does not take a certificate says so at once
DEVICES = Path("/sys/bus/usb/devices")
Section = Callable[[], Any]


def sections(settings: BoothSettings | HubSettings) -> dict[str, Any]:
    """Return every part of the bundle by its name; one that cannot be made says why in one word."""
    made: dict[str, Section] = {
        "release": release,
        "settings": lambda: harmless.settings_of(settings),
        "system": system,
        "disk": lambda: disk(
            settings.data,
            settings.packet_folder if isinstance(settings, HubSettings) else settings.data / "packets",
        ),
        "journal": lambda: (
            booth_journal(settings.data)
            if isinstance(settings, BoothSettings)
            else hub_journal(settings.place)
        ),
        "log": lambda: last_lines(settings.log_file),
        "usb": usb,
        "broker": lambda: broker(settings.broker),
    }
    return {name: _tried(make) for name, make in made.items()}


def _tried(make: Section) -> Any:
    try:
        return make()
    except sqlite3.Error as error:
        return {"failed": getattr(error, "sqlite_errorname", type(error).__name__)}
    except OSError as error:
        return {"failed": errno.errorcode.get(error.errno or 0, type(error).__name__)}
    except (VantayError, ValueError, KeyError, TypeError) as error:  # its text may say anything
        return {"failed": type(error).__name__}


def release() -> dict[str, Any]:
    """Return releases: ours and those of every installed package."""
    packages = {one.metadata["Name"]: one.version for one in importlib.metadata.distributions()}
    return {
        "vantay": importlib.metadata.version("vantay"),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": dict(sorted(packages.items())),
    }


def system() -> dict[str, Any]:
    """Return kernel, processor, memory, clock; not the host's name."""
    kernel = os.uname()
    memory = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    reading = clock.reading()
    return {
        "kernel": [kernel.sysname, kernel.release, kernel.version, kernel.machine],
        "system": platform.freedesktop_os_release().get("PRETTY_NAME"),
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
        "memory": {name: memory[name].strip() for name in ("MemTotal", "MemAvailable")},
        "up_seconds": reading.monotonic_ms // 1000,
        "now": clock.now(),
        "clock_synchronised": reading.synchronised,
    }


def disk(data: Path, folder: Path) -> dict[str, Any]:
    """Return how full the disk is, and how large our own files are."""
    room = os.statvfs(data)
    names = ("booth.db", "booth.db-wal", "hub.db", "hub.db-wal")
    packets = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return {
        "size_bytes": room.f_blocks * room.f_frsize,
        "free_bytes": room.f_bavail * room.f_frsize,
        "free_inodes": room.f_favail,
        "files": {name: (data / name).stat().st_size for name in names if (data / name).exists()},
        "packets": {"number": len(packets), "bytes": sum(packets)},
    }


def booth_journal(data: Path) -> dict[str, Any]:
    """Return how far the journal is, what kinds of entries it has, and its last ones."""
    store = Store(data / "booth.db", read_only=True)
    try:
        last = store.db.execute("SELECT * FROM journal ORDER BY seq DESC LIMIT ?", (LAST,)).fetchall()
        vault = store.db.execute("SELECT count(*) FROM vault").fetchone()[0]
        packets = store.db.execute("SELECT count(*) FROM packet_waiting").fetchone()[0]
        return {
            "last_seq": last[0]["seq"] if last else 0,
            "acknowledged_seq": store.cursor_at(CURSOR),
            "kinds": _kinds(store.db, "journal"),
            "vault_blobs": vault,
            "packets_waiting": packets,
            "last": [_entry(row) for row in reversed(last)],
        }
    finally:
        store.close()


def hub_journal(place: Place) -> dict[str, Any]:
    """Return how far the hub is with each booth, the gaps, the kinds of entries."""
    store = opened(place)
    try:
        booths = [
            {
                **{key: one[key] for key in ("booth", "online", "last_seq", "backlog")},
                "heard_at": harmless.moment(one["heard_at"]),
                **harmless.facts({"release": one["release"]}),
                "trouble": one["trouble"] is not None,
            }
            for one in booths_of(store)
        ]
        waiting = store.db.execute("SELECT count(*) FROM packet WHERE complete_at IS NULL").fetchone()[0]
        return {
            "booths": booths,
            "gaps": gaps_of(store),
            "alarms": int(store.db.execute("SELECT coalesce(sum(count), 0) FROM alarm").fetchone()[0]),
            "kinds": _kinds(store.db, "entry"),
            "packets_waiting": waiting,
        }
    finally:
        store.close()


def _kinds(db: Asked, table: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for kind, number in db.execute(f"SELECT kind, count(*) FROM {table} GROUP BY kind"):  # noqa: S608 - ours
        name = harmless.kind_of(kind)
        counts[name] = counts.get(name, 0) + number
    return counts


def _entry(row: sqlite3.Row) -> dict[str, Any]:
    try:
        body, reading = json.loads(row["body"]), json.loads(row["clock"])
    except ValueError:
        return {"seq": row["seq"], "readable": False}
    return {
        "seq": row["seq"],
        "at": harmless.moment(row["at"]),
        "synchronised": reading.get("synchronised") is True,
        "kind": harmless.kind_of(row["kind"]),
        **harmless.facts({key: value for key, value in body.items() if key not in ("seq", "event")}),
    }


def last_lines(file: Path | None) -> Any:
    """Return what may be told of the last lines of the log; null where no file is configured."""
    if file is None:
        return None
    lines: deque[str] = deque(maxlen=LINES)
    for one in (log.before(file), file):
        if one.exists():
            with one.open(encoding="utf-8", errors="replace") as text:
                lines.extend(text)
    told = [harmless.log_line(line) for line in lines]
    return {"lines": len(told), "untold": told.count(None), "last": [line for line in told if line]}


def usb(devices: Path = DEVICES) -> list[dict[str, Any]]:
    """Return the devices by their numbers; names and serial numbers may be somebody's."""
    found = []
    for folder in sorted(devices.iterdir()) if devices.is_dir() else []:
        if not (folder / "idVendor").exists():
            continue
        vendor, product = (int((folder / name).read_text(), 16) for name in ("idVendor", "idProduct"))
        driver = driver_for(vendor, product)
        speed = (folder / "speed").read_text().strip() if (folder / "speed").exists() else ""
        found.append(
            {
                "port": folder.name,
                "id": f"{vendor:04x}:{product:04x}",
                "megabits": float(speed) if speed.replace(".", "").isdigit() else None,
                "model": driver.model if driver else None,
            }
        )
    return found


def broker(settings: Broker) -> dict[str, Any]:
    """Return whether the broker can be reached, and whether it takes us."""
    began = time.monotonic()
    told: dict[str, Any] = {"host": harmless.host_of(settings.host), "port": settings.port, "mqtt": None}
    try:
        socket.create_connection((settings.host, settings.port), timeout=PROBE_SECONDS).close()
    except OSError as error:
        reason = errno.errorcode.get(error.errno or 0, type(error).__name__)
        return {**told, "reached": False, "reason": reason}
    told["milliseconds"] = round(1000 * (time.monotonic() - began))
    if settings.cert is not None:  # to log in with it would end the daemon's session, and what waits in it
        return {**told, "reached": True, **_shake_hands(settings)}
    events: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
    link = Link(settings, f"vantay-diagnose-{os.getpid()}", [], events.put, keep_session=False)
    link.start()
    deadline = time.monotonic() + PROBE_SECONDS
    try:
        while (left := deadline - time.monotonic()) > 0:
            if isinstance(event := events.get(timeout=left), LinkUp):
                told["mqtt"] = event.version
                break
    except queue.Empty:
        pass
    finally:
        link.stop()
    return {**told, "reached": True, "taken": told["mqtt"] is not None}


def _shake_hands(settings: Broker) -> dict[str, Any]:
    """Return whether we and the broker take each other's certificates; nobody logs in, no session ends."""
    try:
        context = context_of(settings)
        assert context is not None
        with (
            socket.create_connection((settings.host, settings.port), PROBE_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=settings.host) as line,
        ):
            line.settimeout(REFUSAL_SECONDS)
            try:
                line.recv(1)  # nothing was said, so nothing but a refusal can come
            except TimeoutError:
                return {"taken": True}
    except ssl.SSLError as error:
        return {"taken": False, "reason": error.reason}
    except OSError as error:
        return {"taken": False, "reason": errno.errorcode.get(error.errno or 0, type(error).__name__)}
    except BadSettings as error:
        return {"taken": False, "reason": type(error).__name__}
    return {"taken": False, "reason": "hung up"}

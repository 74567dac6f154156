"""A PostgreSQL from Debian for the tests: a cluster of its own on a socket of its own, ended by pid."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import quote

from tests.edge.programs import Program, needed, until

USER = "vantay"
QUICK = {  # of a cluster that lives for minutes; fsync stays on
    "listen_addresses": "",
    "max_connections": "40",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
}
NUMBERS = count(1)
ROOM = 2**30  # bytes


def program(name: str) -> str:
    """Return the path of one of the server's programs; Debian keeps them apart, by version."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else needed(name, "postgresql")


def somebody() -> str | None:
    """Return whom the server may run as: it refuses to be root's."""
    if os.geteuid() != 0:
        return None
    return "postgres" if any(one.pw_name == "postgres" for one in pwd.getpwall()) else "nobody"


@dataclass
class Postgres(Program):
    """One server."""

    folder: Path = field(default_factory=Path)

    @classmethod
    def made(cls, where: Path | None = None) -> "Postgres":
        """Make a cluster, in memory where there is room: what a kill leaves is there, too."""
        memory = Path("/dev/shm")
        if where is None:
            where = memory if memory.is_dir() and shutil.disk_usage(memory).free > ROOM else Path("/tmp")
        initdb, server = program("initdb"), program("postgres")
        folder = Path(tempfile.mkdtemp(prefix="vantay-pg-", dir=where))  # a socket's path is short
        if user := somebody():
            shutil.chown(folder, user)
        words = [initdb, "-D", "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]
        made = subprocess.run(words, cwd=folder, user=somebody(), capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        options = [word for name, value in QUICK.items() for word in ("-c", f"{name}={value}")]
        command = [server, "-D", str(folder / "data"), "-k", str(folder), *options]
        return cls(command, folder / "server.log", folder=folder)

    def start(self) -> "Postgres":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=somebody(),
                process_group=0,
            )
        until(self._answers, "the server's first answer")
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        return subprocess.run([program("pg_isready"), "-q", "-h", str(self.folder)]).returncode == 0

    def children(self) -> list[int]:
        """Return the processes that the server made: they outlive a kill for a moment."""
        return [int(word) for word in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def kill(self) -> None:
        """End the whole server without warning, as a power cut would."""
        if self.process is None:
            return
        children = self.children() if self.process.poll() is None else []
        super().kill()
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "the end of its children")

    def remove(self) -> None:
        """End it and throw its files away."""
        self.kill()
        shutil.rmtree(self.folder)

    def url(self, schema: str = "public") -> str:
        """Return the URL of a hub's database; each schema is one of its own."""
        options = quote(f"-csearch_path={schema}")
        return f"postgresql://{USER}@/postgres?host={quote(str(self.folder), safe='')}&options={options}"

    def fresh(self) -> str:
        """Return the URL of a database in which nothing is."""
        import psycopg

        schema = f"hub_{next(NUMBERS)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}")
        return self.url(schema)

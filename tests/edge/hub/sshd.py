"""A real sshd of nobody's privileges on loopback, which serves SFTP alone; and a cable that breaks."""

import contextlib
import getpass
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_connection, socket

from edge.demo.cable import Cable
from edge.settings import Sftp
from tests.edge.postgres import somebody
from tests.edge.programs import Program, free_port, needed, until

CONFIGURATION = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""


def make_key(path: Path, kind: str = "ed25519") -> str:
    """Make a pair of keys with ssh-keygen; return the public one."""
    keygen = needed("ssh-keygen", "openssh-client")
    subprocess.run([keygen, "-q", "-t", kind, "-N", "", "-C", "test", "-f", path], check=True)
    return path.with_name(f"{path.name}.pub").read_text().strip()


@dataclass
class Sshd(Program):
    """One server; `drop` is the folder that it lets the hub write to."""

    folder: Path = field(default_factory=Path)
    port: int = 0
    host_key: str = ""

    @classmethod
    def made(cls, authorized: str, kind: str = "ed25519") -> "Sshd":
        """Make a server that lets in whoever has this key; as root it is another user's."""
        program = needed("sshd", "openssh-server")
        folder, port = Path(tempfile.mkdtemp(prefix="vantay-sshd-")), free_port()
        host_key = make_key(folder / "host", kind)
        (folder / "authorized").write_text(f"{authorized}\n")
        (folder / "sshd_config").write_text(CONFIGURATION.format(port=port, folder=folder))
        (folder / "drop").mkdir()
        if user := somebody():
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, user)
        command = [program, "-D", "-e", "-f", str(folder / "sshd_config")]
        return cls(command, folder / "log", folder=folder, port=port, host_key=host_key)

    def start(self) -> "Sshd":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=somebody(),
                process_group=0,
            )
        until(self._listens, "sshd listening")
        return self

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        with contextlib.suppress(OSError):
            create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        return False

    @property
    def drop(self) -> Path:
        return self.folder / "drop"

    def place(self, key: Path, **changes: object) -> Sftp:
        """Return the settings that fit it."""
        fitting = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": somebody() or getpass.getuser(),
            "key": key,
            "host_keys": (self.host_key,),
            "folder": str(self.drop / "station-1"),
            "patience_seconds": 10,
        }
        return Sftp.model_validate({**fitting, **changes})

    def remove(self) -> None:
        """End it and throw its files away."""
        self.kill()
        shutil.rmtree(self.folder)


class FrayedCable(Cable):
    """Breaks once so many bytes went to the server; counts them."""

    def __init__(self, target: int, breaks_after: int | None) -> None:
        self.sent, self._breaks_after, self._server_port = 0, breaks_after, target
        super().__init__(target)

    def _pump(self, source: socket, sink: socket) -> None:
        if sink.getpeername()[1] != self._server_port:
            super()._pump(source, sink)
            return
        with contextlib.suppress(OSError):
            while data := source.recv(16384):
                sink.sendall(data)
                self.sent += len(data)
                if self._breaks_after is not None and self.sent >= self._breaks_after:
                    break
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(2)
            end.close()

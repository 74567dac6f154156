"""The ministry's folder on a server of its own, by SFTP: the only module that imports asyncssh.

Only host keys that the settings name are spoken to. A batch that a cut connection left half done is gone on
with: what lies there is read back and compared, and only the rest is sent. Nothing is shown before a rename.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import asyncssh

from edge.errors import BadSettings, VantayError
from edge.hub.drop import BATCH, GONE, LARGEST, ONE_EACH, BadPacket, checked, small
from edge.settings import Sftp

DIRECTORY_MODE = 0o750
AGAIN = "nothing is lost, deliver again when it can"
RSA = ["rsa-sha2-512", "rsa-sha2-256"]  # what an RSA key signs with
OTHERS = ["ssh-ed25519", *(f"ecdsa-sha2-nistp{bits}" for bits in (256, 384, 521)), *RSA]
CUT = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.DisconnectError, ConnectionError)

Result = TypeVar("Result")


class SftpDrop:
    """One connection, made when it is first needed; close() ends it."""

    def __init__(self, place: Sftp) -> None:
        self._place = place
        self._folder = PurePosixPath(place.folder)
        self._pinned = [_public_key(line) for line in place.host_keys]
        self._key = _private_key(place.key)
        self._runner = asyncio.Runner()
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # a cut line is told in one sentence of ours
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._offered: list[asyncssh.SSHKey] = []

    def open(self, first: bool) -> None:
        """Connect, and make the folder at the first delivery; VantayError when it is gone later."""
        with self._told("cannot be written"):
            self._run(self._make_folder(first))

    def close(self) -> None:
        """Say goodbye."""
        if self._connection:
            self._connection.close()
            with suppress(OSError, asyncssh.Error, TimeoutError):
                self._run(self._connection.wait_closed())
        self._runner.close()

    def batches(self) -> list[str]:
        """Return the names of the whole batches that are there."""
        with self._told("cannot be read"):
            return sorted(name for name in self._run(self._listed()) if BATCH.fullmatch(name))

    def begin(self, batch: str, files: frozenset[str]) -> None:
        """Begin a batch, or go on with the one that was begun; what does not belong to it is taken away."""
        with self._told("cannot be written"):
            self._run(self._begin(batch, files))

    def put(self, batch: str, name: str, source: Path, digest: str) -> None:
        """Send what is not there yet of a packet."""
        with self._told("cannot be written"):
            self._run(self._put(self._folder / f".{batch}" / name, source, digest), bounded=False)

    def finish(self, batch: str, name: str, content: bytes) -> None:
        """Send the manifest, then rename."""
        with self._told("cannot be written"):
            self._run(self._finish(batch, name, content))

    def read(self, batch: str, name: str) -> bytes:
        """Return a file of a batch; FileNotFoundError where there is none."""
        with self._told("cannot be read"):
            content = self._run(self._read(self._folder / batch / name))
        if content is None:
            raise FileNotFoundError(self.where(batch, name))
        return small(content)

    def where(self, batch: str, name: str) -> str:
        """Return its URL."""
        place = self._place
        return f"sftp://{place.host}:{place.port}/{str(self._folder / batch / name).lstrip('/')}"

    # on the wire

    def _run(self, work: Coroutine[Any, Any, Result], bounded: bool = True) -> Result:
        return self._runner.run(self._within(work) if bounded else work)

    async def _within(self, work: Coroutine[Any, Any, Result]) -> Result:
        return await asyncio.wait_for(work, self._place.patience_seconds)

    async def _sftp(self) -> asyncssh.SFTPClient:
        if self._client is None:
            place = self._place
            self._connection = await asyncssh.connect(
                place.host,
                place.port,
                client_factory=lambda: _Pinned(self._pinned, self._offered),
                known_hosts=([], [], []),  # no file of this machine's: the settings alone say whom we trust
                server_host_key_algs=_algorithms(self._pinned),
                username=place.user,
                client_keys=[self._key],
                preferred_auth="publickey",
                agent_path=None,
                config=None,
            )
            self._client = await self._connection.start_sftp_client()
        return self._client

    async def _make_folder(self, first: bool) -> None:
        sftp = await self._sftp()
        if not await sftp.isdir(self._folder):
            if not first:
                raise VantayError(f"{self._folder} on {self._place.host} is gone: {GONE}")
            await sftp.makedirs(self._folder, asyncssh.SFTPAttrs(permissions=DIRECTORY_MODE))

    async def _listed(self) -> list[str]:
        return [str(name) for name in await (await self._sftp()).listdir(self._folder)]

    async def _begin(self, batch: str, files: frozenset[str]) -> None:
        sftp, begun = await self._sftp(), self._folder / f".{batch}"
        left = [name for name in await self._listed() if name[:1] == "." and BATCH.fullmatch(name[1:])]
        if begun.name not in left and left:  # begun on another day
            await sftp.rename(self._folder / left.pop(), begun)
        elif begun.name not in left:
            await sftp.mkdir(begun, asyncssh.SFTPAttrs(permissions=DIRECTORY_MODE))
        for name in left:
            if name != begun.name:
                await sftp.rmtree(self._folder / name)
        for name in await sftp.listdir(begun):
            if name not in (".", "..") and name not in files:
                await sftp.remove(begun / str(name))

    async def _put(self, path: PurePosixPath, source: Path, digest: str) -> None:
        sftp = await self._sftp()
        try:
            pieces = list(checked(source, digest))  # checked before anything is sent; a packet is a few MiB
        except BadPacket:
            with suppress(asyncssh.SFTPNoSuchFile):  # what an earlier delivery sent of it
                await self._within(sftp.remove(path))
            raise
        mode = asyncssh.FXF_READ | asyncssh.FXF_WRITE | asyncssh.FXF_CREAT
        async with await self._within(_opened(sftp, path, mode)) as file:
            held = True  # what lies there is ours so far
            for offset, piece in pieces:
                if held:
                    held = await self._within(_read(file, len(piece), offset)) == piece
                if not held:
                    await self._within(file.write(piece, offset))
            size = sum(len(piece) for _, piece in pieces)
            if await self._within(_size(file)) > size:
                await self._within(file.truncate(size))
            await self._within(_synced(file))

    async def _finish(self, batch: str, name: str, content: bytes) -> None:
        sftp, begun = await self._sftp(), self._folder / f".{batch}"
        async with sftp.open(begun / name, "wb") as file:
            await file.write(content)
            await _synced(file)
        if batch in await self._listed():
            raise VantayError(f"{self.where(batch, name)} is there already, and not of this hub: {ONE_EACH}")
        try:
            await sftp.posix_rename(begun, self._folder / batch)
        except asyncssh.SFTPOpUnsupported:
            await sftp.rename(begun, self._folder / batch)

    async def _read(self, path: PurePosixPath) -> bytes | None:
        try:
            async with (await self._sftp()).open(path, "rb") as file:
                return await _read(file, LARGEST + 1, 0)
        except asyncssh.SFTPNoSuchFile:
            return None

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Make of whatever goes wrong one sentence."""
        place = self._place
        server = f"the ministry's server {place.host}:{place.port}"
        try:
            yield
        except asyncssh.HostKeyNotVerifiable:
            raise VantayError(f"{server} {self._stranger()}") from None
        except asyncssh.PermissionDenied:
            raise VantayError(
                f"{server} does not let {place.user} in with the key {place.key}: ask for it there"
            ) from None
        except CUT as error:
            if self._client is None and isinstance(error, OSError):
                raise VantayError(f"{server} cannot be reached ({error.strerror}): {AGAIN}") from None
            raise VantayError(f"{server} hung up ({_reason(error)}): {AGAIN}") from None
        except asyncssh.SFTPError as error:
            full = "; its disk may be full" if isinstance(error, asyncssh.SFTPFailure) else ""
            raise VantayError(
                f"{self._folder} on {server} {what} ({_reason(error)}{full}): {AGAIN}"
            ) from None
        except TimeoutError:
            raise VantayError(f"{server} says nothing for {place.patience_seconds:g} s: {AGAIN}") from None
        except OSError as error:
            raise VantayError(f"{server} cannot be reached ({_reason(error)}): {AGAIN}") from None

    def _stranger(self) -> str:
        shown = ", ".join(f"{key.get_algorithm()} {key.get_fingerprint()}" for key in self._offered)
        return (
            f"shows a host key that hub.toml does not name ({shown}): ask the ministry, not over this "
            "connection, whether it is theirs; nothing was sent"
        )


class _Pinned(asyncssh.SSHClient):
    """Speaks to nobody but who has one of the pinned keys; notes what was shown."""

    def __init__(self, pinned: list[asyncssh.SSHKey], offered: list[asyncssh.SSHKey]) -> None:
        self._pinned, self._offered = pinned, offered

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        """Tell whether the settings name this key."""
        self._offered[:] = [key]
        return any(key.public_data == one.public_data for one in self._pinned)


def _reason(error: asyncssh.Error | OSError) -> str:
    text = error.reason if isinstance(error, asyncssh.Error) else error.strerror
    return text or type(error).__name__


def _algorithms(pinned: list[asyncssh.SSHKey]) -> list[str]:
    """Return what a server is asked to show first, then the rest: a stranger's key is told, too."""
    names = [key.get_algorithm() for key in pinned]
    wanted = [one for name in names for one in (RSA if name == "ssh-rsa" else [name])]
    return list(dict.fromkeys([*wanted, *OTHERS]))


def _public_key(line: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(line)
    except (asyncssh.KeyImportError, ValueError) as error:
        raise BadSettings(
            f"ministry.sftp.host_keys: '{line[:40]}' is no public key ({error}): ssh-keyscan shows one"
        ) from None


def _private_key(path: Path) -> asyncssh.SSHKey:
    try:
        if path.stat().st_mode & 0o077:
            raise BadSettings(f"the key {path} is open to other users: chmod 600 {path}")
        return asyncssh.read_private_key(path)
    except OSError as error:
        raise BadSettings(f"the key {path} cannot be read ({error.strerror})") from None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        raise BadSettings(
            f"{path} is no private key without a passphrase ({error}): ssh-keygen -t ed25519 makes one"
        ) from None


async def _opened(sftp: asyncssh.SFTPClient, path: PurePosixPath, mode: int) -> asyncssh.SFTPClientFile:
    return await sftp.open(path, mode, encoding=None)


async def _read(file: asyncssh.SFTPClientFile, size: int, offset: int) -> bytes:
    content: str | bytes = await file.read(size, offset)
    assert isinstance(content, bytes)  # as it was opened
    return content


async def _size(file: asyncssh.SFTPClientFile) -> int:
    return (await file.stat()).size or 0


async def _synced(file: asyncssh.SFTPClientFile) -> None:
    """Bring it onto the server's disk, where the server knows how."""
    with suppress(asyncssh.SFTPOpUnsupported):
        await file.fsync()

"""TCP servers of the virtual scanners: the one for orders is for this machine alone."""

import asyncio
from collections.abc import Callable
from errno import EADDRINUSE

from fwtools.errors import ToolError

CONTROL_HOST = "127.0.0.1"  # whoever reaches it can lay fingers down: never another address


async def listen(host: str, port: int, make: Callable[[], asyncio.Protocol]) -> asyncio.Server:
    """Serve; ToolError with one sentence when the port is not to be had."""
    try:
        return await asyncio.get_running_loop().create_server(make, host, port)
    except OSError as error:
        if error.errno == EADDRINUSE:
            raise ToolError(
                f"port {port} of {host} is in use: choose another, or 0 for a free one"
            ) from error
        raise ToolError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error


def address(server: asyncio.Server) -> str:
    """HOST:PORT of a server."""
    host, port = server.sockets[0].getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

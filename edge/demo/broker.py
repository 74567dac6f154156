"""The demo's embedded broker: `python -m edge.demo.broker PORT`. A box in production runs mosquitto."""

import asyncio
import logging
import signal
import socket
import sys

from amqtt.broker import Broker

CONFIGURATION = {
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}


async def serve(port: int) -> None:
    """Serve MQTT 3.1.1 on loopback until SIGTERM; print one line when ready."""
    listener = {"type": "tcp", "bind": f"127.0.0.1:{port}", "max_connections": 100}
    broker = Broker({"listeners": {"default": listener}, **CONFIGURATION})
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await broker.start()
    print("ready", flush=True)
    await ended.wait()
    await broker.shutdown()


def main() -> int:
    """Check the port first: the broker's own message about one in use is a stack trace."""
    port = int(sys.argv[1])
    logging.basicConfig(level=logging.ERROR)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            print(f"port {port} cannot be used ({error.strerror}): stop what uses it", file=sys.stderr)
            return 2
    asyncio.run(serve(port))
    return 0


if __name__ == "__main__":
    sys.exit(main())

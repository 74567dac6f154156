"""In the guest: the scanner's process, deaf to everything but udev: it never looks what is plugged in.

A scanner that comes back is found by it because systemd-udevd told of the plug, or not at all.
"""

from edge.booth import scanner_worker
from edge.booth.plugging import Plugs


class ToldPlugs(Plugs):
    """Hears of plugs, and sees none."""

    def _looked(self) -> frozenset[tuple[str, str]]:
        assert self.told, "udev tells"
        return frozenset()


if __name__ == "__main__":
    scanner_worker.TOLD_SECONDS = 3600.0
    scanner_worker.Plugs = ToldPlugs  # type: ignore[misc]
    scanner_worker.main()

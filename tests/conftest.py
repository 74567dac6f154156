"""What every test shares: where real data is, no network beyond loopback, and no skipping in CI."""

import ipaddress
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("vantay", deadline=None, derandomize=True)  # no test depends on timing or on luck
settings.load_profile("vantay")

DATA = Path(os.environ.get("VANTAY_DATA", "../shared/data"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; the test that asks for it is marked real_data and skips without it."""
    if not DATA.is_dir():
        pytest.skip(
            f"no real data at {DATA}: set VANTAY_DATA to the folder that holds fingerprints/ and usb/"
        )
    return DATA.resolve()


@pytest.fixture(scope="session")
def umockdev() -> None:
    """A test that replays a recording asks for it and skips without it."""
    if shutil.which("umockdev-run") is None:
        pytest.skip("no umockdev-run here: apt-get install umockdev libusb-1.0-0")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A test that CI skipped is a test that CI did not pass."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter and reporter.stats.get("skipped") and exitstatus == 0:
        reporter.write_line("CI may not skip a test: install what the skipped ones name", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                raise AssertionError(f"a test tried to reach {host}: only loopback is allowed")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)

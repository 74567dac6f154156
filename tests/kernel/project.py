"""The guest's second disk: the project in /opt/vantay, as README installs it in production.

The interpreter is the guest's own; the packages are those of the environment that runs this.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from tests.kernel.programs import NoGuest, run

TREE = Path(__file__).parents[2]
FOLDERS = ("drivers", "edge", "matching", "firmware-tools", "systemd", "tests")
PLACE = "/opt/vantay"  # in the guest
SITE = f".venv/lib/python3.{sys.version_info.minor}/site-packages"
FIXED_TIME = 1_700_000_000  # of every file of ours: compiled kernels are found again by it
SCRIPT = """#!{place}/.venv/bin/python
import sys
from {module} import main
sys.exit(main())
"""


def make_project(folder: Path) -> None:
    """Lay out what the guest has in /opt/vantay."""
    for name in FOLDERS:
        shutil.copytree(
            TREE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "recordings")
        )
    for path in folder.rglob("*.py"):
        _set_time(path)
    site = folder / SITE
    site.mkdir(parents=True)
    for name in dependencies("vantay"):
        _copy_distribution(name, site)
    (site / "vantay.pth").write_text(f"{PLACE}\n{PLACE}/firmware-tools\n")
    binaries = folder / ".venv" / "bin"
    binaries.mkdir()
    (binaries / "python").symlink_to(f"/usr/bin/python3.{sys.version_info.minor}")
    (folder / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    for program, module in (("vantay", "edge.cli"), ("vantay-fw", "fwtools.cli")):
        (binaries / program).write_text(SCRIPT.format(place=PLACE, module=module))
        (binaries / program).chmod(0o755)
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder)], check=True)


def make_disk(folder: Path, image: Path) -> None:
    """Make a file system of a folder, with room to write into."""
    used = sum(path.lstat().st_size + 4096 for path in folder.rglob("*"))
    run(
        "mke2fs",
        "-q",
        "-t",
        "ext4",
        "-L",
        "vantay",
        "-d",
        str(folder),
        str(image),
        f"{used // 1_000_000 + 200}M",
    )


def dependencies(name: str) -> list[str]:
    """Return a distribution and what it needs to run, without extras."""
    found: list[str] = []
    waiting = [name]
    while waiting:
        one = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if one in found:
            continue
        found.append(one)
        for requirement in metadata.requires(one) or []:
            needed, _, marker = requirement.partition(";")
            if "extra" not in marker and _is_installed(word := re.split(r"[^\w.-]", needed.strip())[0]):
                waiting.append(word)
    return found


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False  # one for another platform or an older Python
    return True


def _copy_distribution(name: str, site: Path) -> None:
    for file in metadata.distribution(name).files or []:
        source = Path(str(file.locate()))
        if ".." in file.parts or file.suffix == ".pth" or file.name.startswith("__editable__"):
            continue
        if not source.exists():
            raise NoGuest(f"{name} is not whole here, {file} is missing: make clean setup")
        target = site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _set_time(path: Path) -> None:
    os.utime(path, (FIXED_TIME, FIXED_TIME))

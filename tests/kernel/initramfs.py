"""What the guest's kernel starts: a shell, and the modules that reach the disk."""

import shutil
import subprocess
from pathlib import Path

from tests.kernel.programs import NoGuest

MODULES = ["virtio_pci", "virtio_blk", "crc32c_generic", "ext4"]  # loaded, with what they need
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /dev /root
/bin/busybox mount -t devtmpfs devtmpfs /dev
for module in {modules}; do /bin/busybox insmod /$module; done
/bin/busybox mount -t ext4 /dev/vda /root && exec /bin/busybox switch_root /root /sbin/init
"""


def make_initramfs(root: Path, folder: Path, out: Path) -> None:
    """A shell, and the modules that reach the disk, in the order in which they are loaded."""
    modules = next((root / "lib" / "modules").iterdir())
    needs = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, after = line.split(":")
        needs[Path(path).name.removesuffix(".ko")] = [path, *after.split()]
    ordered: list[str] = []
    for name in MODULES:
        for path in reversed(needs.get(name, [])):
            if path not in ordered:
                ordered.append(path)
    (folder / "bin").mkdir(parents=True)
    busybox = Path(shutil.which("busybox") or "/bin/busybox")
    if not busybox.exists() or b"/ld-linux" in busybox.read_bytes()[:4096]:
        raise NoGuest("there is no static busybox here: apt-get install busybox-static")
    shutil.copy(busybox, folder / "bin" / "busybox")
    for path in ordered:
        shutil.copy(modules / path, folder / Path(path).name)
    init = folder / "init"
    init.write_text(INIT.format(modules=" ".join(Path(path).name for path in ordered)))
    init.chmod(0o755)
    listing = "\n".join(str(path.relative_to(folder)) for path in sorted(folder.rglob("*")))
    done = subprocess.run(
        ["cpio", "--quiet", "-o", "-H", "newc"],
        cwd=folder,
        input=listing.encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    out.write_bytes(done.stdout)

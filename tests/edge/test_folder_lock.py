"""One process for one folder: also where not one more byte can be written."""

import resource
from pathlib import Path

import pytest

from edge.errors import BadSettings
from edge.folder_lock import only_one


def test_a_full_disk_keeps_nobody_from_a_folder_and_lets_no_second_one_in(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))  # the kernel's own way to refuse
    try:
        held = only_one(tmp_path, "hub")
        with pytest.raises(BadSettings, match=r"another hub \(process unknown\) uses"):
            only_one(tmp_path, "hub")
        held.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with only_one(tmp_path, "hub"), pytest.raises(BadSettings, match=r"another hub \(process \d+\) uses"):
        only_one(tmp_path, "hub")

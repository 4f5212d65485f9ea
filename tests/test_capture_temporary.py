"""Large temporary files do not lie in memory if they need not."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest

from capture import temporary
from capture.temporary import folder, in_memory

if TYPE_CHECKING:
    from pathlib import Path

MOUNTS = """/dev/vda / ext4 rw 0 0
tmpfs /tmp tmpfs rw 0 0
/dev/vdb /tmp/disk ext4 rw 0 0
tmpfs /home ramfs rw 0 0
/dev/vdc /home ext4 rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "told"),
    [("/tmp", True), ("/tmp/x", True), ("/tmp/disk/x", False), ("/tmpx", False), ("/var/tmp", False), ("/home", False)],
)
def test_the_nearest_mount_tells_where_a_file_lies(path: str, told: bool) -> None:
    assert in_memory(path, MOUNTS) is told


def test_the_place_for_larger_files_is_taken_unless_somebody_wants_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usual, mounts = tempfile.gettempdir(), tmp_path / "mounts"
    monkeypatch.setattr(temporary, "MOUNTS", mounts)
    monkeypatch.setattr(temporary, "ON_DISK", str(tmp_path))
    monkeypatch.delenv("TMPDIR", raising=False)
    assert folder() == usual  # no such file: another system
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\ntmpfs {usual} tmpfs rw 0 0\n/dev/vdb {tmp_path} ext4 rw 0 0\n")
    assert folder() == str(tmp_path)
    monkeypatch.setenv("TMPDIR", usual)
    assert folder() == usual
    monkeypatch.delenv("TMPDIR")
    mounts.write_text("/dev/vda / ext4 rw 0 0\n")
    assert folder() == usual

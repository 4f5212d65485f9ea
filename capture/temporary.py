"""Where temporary files lie that may become large: on a disk, if there is one; not where files take memory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

MOUNTS: Final = Path("/proc/self/mounts")
IN_MEMORY: Final = {"tmpfs", "ramfs"}
ON_DISK: Final = "/var/tmp"  # noqa: S108 - the Filesystem Hierarchy Standard's place for larger files, if it is writable


def folder() -> str:
    """What TMPDIR names; without it the system's place, or the one for larger files if that lies in memory."""
    usual = tempfile.gettempdir()
    if "TMPDIR" in os.environ or not MOUNTS.exists() or not os.access(ON_DISK, os.W_OK | os.X_OK):
        return usual
    mounts = MOUNTS.read_text(errors="replace")
    return ON_DISK if in_memory(usual, mounts) and not in_memory(ON_DISK, mounts) else usual


def in_memory(path: str, mounts: str) -> bool:
    """Whether files at an absolute path take memory, by the lines of /proc/self/mounts (fstab(5): place, kind)."""
    longest, kind = "", ""
    for line in mounts.splitlines():
        _, place, its_kind, *_ = line.split(" ")
        if Path(path).is_relative_to(place) and len(place) >= len(longest):  # of two at one place the later one counts
            longest, kind = place, its_kind
    return kind in IN_MEMORY

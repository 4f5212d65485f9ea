"""The ways by which this user may capture on this machine, and what to say where there is none."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from capture.live.interfaces import may_capture

OURS: Final = "netviz"
PLACES: Final = os.pathsep.join((os.environ.get("PATH", ""), "/usr/bin", "/usr/sbin", "/bin", "/sbin"))

CAPABILITIES: Final = "security.capability"


@dataclass(frozen=True, slots=True)
class Way:
    """How packets can be had: by `OURS`, by the program at a path, or not at all (None); `sentence` says it."""

    program: str | None
    sentence: str


def programs() -> list[str]:
    """The programs of this machine that may be able to capture for us, the better one first."""
    found = (shutil.which(name, path=PLACES) for name in ("dumpcap", "tcpdump"))
    return [program for program in found if program is not None]


def way_here() -> Way:
    """The first way that seems to be open; asks nobody and starts nothing."""
    if sys.platform == "linux" and may_capture():
        return Way(OURS, "You may capture: this process has the right to (CAP_NET_RAW).")
    for program in programs():
        if _has_rights(program):
            return Way(program, f"You may capture through {program}, which has the right to.")
    return Way(None, way_to_get_rights())


def _has_rights(program: str) -> bool:
    """Whether a program would run with more rights than its user: file capabilities, or the set-user-ID bit."""
    if Path(program).stat().st_mode & 0o4000:
        return True
    try:
        os.getxattr(program, CAPABILITIES)
    except (OSError, AttributeError):  # none there, or a system without extended attributes
        return False
    return not _no_new_privileges()


def _no_new_privileges() -> bool:
    status = Path("/proc/self/status")
    return status.exists() and "NoNewPrivs:\t1" in status.read_text()


def way_to_get_rights() -> str:
    """Which command gives the right on this machine, and why it is needed."""
    why = "Capturing reads other programs' traffic, so the system wants a right for it that you do not have."
    dumpcap = shutil.which("dumpcap", path=PLACES)
    if dumpcap is not None and not os.access(dumpcap, os.X_OK):
        group = Path(dumpcap).group()
        return f"{why} `sudo usermod -aG {group} $USER`, and logging in again, lets netviz capture through {dumpcap}."
    if dumpcap is not None and sys.platform == "linux":
        return (
            f"{why} `sudo netviz live` has it, and gives it up as soon as the interface is open; "
            f"`sudo setcap cap_net_raw+eip {dumpcap}` lets everybody capture through it, netviz included."
        )
    if sys.platform == "darwin":
        return f"{why} Wireshark's ChmodBPF package gives it to its users; `sudo netviz live` has it at once."
    return f"{why} `sudo netviz live` has it, and gives it up as soon as the interface is open."

"""Programs that others have written and that a scenario can use: where they are looked for."""

from __future__ import annotations

import os
import subprocess
from shutil import which
from typing import Final

SYSTEM: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where servers are installed, which is not in every user's PATH."""


SHORT: Final = frozenset({"nginx", "haproxy"})
"""Programs that tell their version by -v and not by --version."""
PATIENCE: Final = 2.0


def version_of(name: str) -> str:
    """What an installed program says of itself, its first line; "" if it is not there or says nothing."""
    path = find_program(name)
    if path is None:
        return ""
    command = [path, "-v" if name in SHORT else "--version"]
    try:
        said = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):  # a capture is none the worse without it
        return ""
    return (said.stdout + said.stderr).decode("utf-8", "replace").strip().partition("\n")[0]


def find_program(name: str) -> str | None:
    """The path of an installed program, or None."""
    return which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM]))

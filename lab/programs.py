"""Programs that others have written and that a scenario can use: where they are looked for."""

from __future__ import annotations

import os
from shutil import which
from typing import Final

SYSTEM: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where servers are installed, which is not in every user's PATH."""


def find_program(name: str) -> str | None:
    """The path of an installed program, or None."""
    return which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM]))

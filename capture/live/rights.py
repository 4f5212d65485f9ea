"""Whose rights a process of netviz has, and how it gives up those that it does not need."""

from __future__ import annotations

import os
from typing import Final

from capture.live.helper import give_rights_up

NOBODY: Final = 65_534


def nobody_or_caller() -> tuple[int, int]:
    """The user and group to become: the caller's own; who called sudo; for root itself, nobody's."""
    if os.geteuid() != 0:
        return os.getuid(), os.getgid()
    user = int(os.environ.get("SUDO_UID", NOBODY))
    group = int(os.environ.get("SUDO_GID", NOBODY))
    return user, group


def leave_root() -> None:
    """Under sudo, go on as the user who called it, for good; settings and files are theirs then.

    Root itself stays root, but for the rights that root has beyond its own files. Raises OSError.
    """
    if os.geteuid() == 0 and "SUDO_UID" in os.environ:
        give_rights_up(*nobody_or_caller())

"""The terminal that netviz runs in: its keyboard when standard input was the capture, and how many colours it has."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def keep_keyboard() -> None:
    """Make file descriptor 0 the terminal again, if it is a pipe or a file.

    Textual reads keys from descriptor 0. The capture's reader must have its own duplicate of the pipe by now.
    Raises OSError if there is no terminal.
    """
    if os.isatty(0):
        return
    terminal = os.open("/dev/tty", os.O_RDWR)
    os.dup2(terminal, 0)
    os.close(terminal)
    # Textual asks sys.__stdin__ whether it is a terminal; the old object has buffered the pipe.
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", errors="replace", closefd=False)  # type: ignore[misc] # noqa: SIM115 - it replaces a Final, and lives as long as the program


def end_on_request(leave: Callable[[int], None]) -> None:
    """Let SIGTERM end the program by `leave(128 + 15)`, as shells count: else the terminal stays without echo.

    To be called in the main thread, where an event loop runs.
    """
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leave, 128 + signal.SIGTERM)


def colours(environment: Mapping[str, str]) -> int | None:
    """How many colours the terminal shows if they are 16 or fewer, else None."""
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return None
    term = environment.get("TERM", "")
    if "256" in term or "direct" in term or term.startswith(("alacritty", "foot", "xterm-kitty", "wezterm", "ghostty")):
        return None
    return 16

"""Reads a capture to its end for a command without a screen: tells how far it is, and stops at Ctrl-C."""

from __future__ import annotations

import sys
from time import monotonic
from typing import TYPE_CHECKING, Final

from views.durations import count, size

if TYPE_CHECKING:
    from analysis.session import Session
    from analysis.snapshot import Snapshot

QUIET_SECONDS: Final = 0.5
"""What is read sooner needs no word."""
STEP_SECONDS: Final = 0.2
CLEAR: Final = "\r\x1b[K"


def read_whole(session: Session) -> bool:
    """Read everything; False if Ctrl-C ended it, and then what was read until then is in the session.

    A terminal on standard error shows how far it is.
    """
    told = False
    shows = sys.stderr.isatty()
    started = monotonic()
    session.start()
    try:
        while session.reading:
            session.wait(STEP_SECONDS)
            if shows and not session.snapshot.finished and monotonic() - started > QUIET_SECONDS:
                sys.stderr.write(CLEAR + how_far(session.snapshot))
                sys.stderr.flush()
                told = True
    except KeyboardInterrupt:
        session.cancel()
        session.wait()
        return False
    else:
        return True
    finally:
        if told:
            sys.stderr.write(CLEAR)
            sys.stderr.flush()


def how_far(snapshot: Snapshot) -> str:
    """`reading 45 %, 1.2M packets   Ctrl-C stops`."""
    read, total = snapshot.bytes_read, snapshot.bytes_total
    part = f"{min(int(100 * read / total), 100)} %" if total else size(read)
    return f"reading {part}, {count(len(snapshot.packets))} packets   Ctrl-C stops"

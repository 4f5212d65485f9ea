"""The way in and out: a session and a terminal go in, an exit status comes out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tui.app import NetvizApp
from tui.terminal import keep_keyboard

if TYPE_CHECKING:
    from analysis.session import Session
    from capture.live.feed import Feed

SWITCH_SECONDS: Final = 0.001
"""A fifth of the interpreter's default: keys are answered while the reader computes."""


def run(
    session: Session,
    name: str,
    *,
    ascii: bool = False,  # noqa: A002 - the option's name
    feed: Feed | None = None,
    wanted: str | None = None,
    follows: bool = False,
) -> int:
    """Start reading, show the screen until it is left, stop reading. Returns the exit status.

    `feed` is the live capture that the session reads, if it is one: it is followed, and may be saved. `wanted` is the
    filter to begin with, one that was understood. With `follows`, the newest packet is selected without a feed, too.

    Raises OSError if there is no terminal to read keys from.
    """
    keep_keyboard()
    sys.setswitchinterval(SWITCH_SECONDS)
    session.hold()
    session.start()
    shown = "standard input" if name == "-" else Path(name).name
    app = NetvizApp(session, shown, ascii=ascii, feed=feed, wanted=wanted)
    app.director.following.follows |= follows
    status = app.run()
    session.close()
    return status or 0

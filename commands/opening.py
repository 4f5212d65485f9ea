"""From a name on the command line to a session that is ready to read, and the exit statuses of what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from commands.common import importing

if TYPE_CHECKING:
    from analysis.session import Session

READ_WHOLE: Final = 0
DAMAGED: Final = 1
UNUSABLE: Final = 2
INTERRUPTED: Final = 130

STANDARD_INPUT: Final = "-"
CAPTURE_FILE: Final = click.Path(allow_dash=True)


def open_session(file: str, *, index: bool, follow: bool = False) -> Session:
    """Make a session that is ready to read `file`; raises `CaptureError` when there is nothing to read.

    With `index`, what was found out about a large capture is kept, and used when it is opened again. With `follow`, a
    file that grows is read on, and nothing is kept.
    """
    with importing():
        from analysis.apart import begin
        from capture.source import open_source

        source = open_source(file, follow=follow)
        begun = begin(source)  # a large capture is read by another process while this one imports
        from analysis.session import Session

    if follow or not index:
        return Session(source, begun=begun)
    from analysis.index import default_folder
    from analysis.keeping import Keeper

    return Session(source, keeper=Keeper(Path(file), default_folder()), begun=begun)

"""Shows what comes from a runner of the lab: live on the screen, as a report, or in a file."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Final

import click

from capture.errors import CaptureError
from commands.common import importing
from commands.opening import READ_WHOLE, UNUSABLE
from commands.telling import complain, draws_lines, output, tell

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.session import Session
    from lab.starting import Running

PIECE: Final = 65_536


def session_of(running: Running, title: str) -> Session:
    """A session that reads what the runner captures. Raises `CaptureError`."""
    from analysis.session import Session
    from capture.source import open_stream

    return Session(open_stream(title, running.capture))


def watch(running: Running, title: str, *, only_ascii: bool) -> int:
    """Show it on the screen as it happens, its newest packet until the person moves. Returns the exit status."""
    with importing():
        from tui.running import run

    try:
        ascii_ = only_ascii or not draws_lines(sys.stdout.encoding)
        return run(session_of(running, title), title, ascii=ascii_, follows=True)
    except CaptureError as error:
        complain(title, error)
    except OSError as error:
        complain(title, f"There is no terminal to read keys from: {error.strerror}.")
    return UNUSABLE


def save(running: Running, file: Path) -> int:
    """Write the capture to a file; returns the exit status."""
    try:
        with file.open("wb") as out:
            while piece := os.read(running.capture, PIECE):
                out.write(piece)
    except OSError as error:
        complain(str(file), f"{file} cannot be written: {error.strerror}.")
        return UNUSABLE
    finally:
        os.close(running.capture)
    return READ_WHOLE


def report(running: Running, title: str, layout: str) -> int:
    """Print the report of the capture; returns the exit status."""
    from export.report import write_report

    try:
        session = session_of(running, title)
    except CaptureError as error:
        complain(title, error)
        return UNUSABLE
    with output(), closing(session):
        session.run()
        write_report(session, sys.stdout, layout)
    return READ_WHOLE


def present(running: Running, title: str, layout: str | None, file: Path | None, *, only_ascii: bool) -> int:
    """Do what was asked for: a file, a report, both, or the screen; without a terminal a report."""
    if file is not None:
        status = save(running, file)
        if status == READ_WHOLE and layout is not None:
            return tell([str(file)], layout)
        if status == READ_WHOLE:
            click.echo(f"{file}: {file.stat().st_size:,} bytes; netviz replay {file} shows it")
        return status
    if layout is None and sys.stdout.isatty():
        return watch(running, title, only_ascii=only_ascii)
    return report(running, title, layout or "text")

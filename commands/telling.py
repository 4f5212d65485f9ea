"""What commands print: reports on standard output, one sentence about what is wrong on standard error."""

from __future__ import annotations

import io
import os
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from capture.errors import CaptureError
from commands.opening import DAMAGED, INTERRUPTED, READ_WHOLE, STANDARD_INPUT, UNUSABLE, open_session
from commands.reading import read_whole
from views.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def complain(file: str, sentence: object) -> None:
    """Tell the user what is wrong with a file, on standard error, in one line."""
    name = "standard input" if file == STANDARD_INPUT else file
    told, base = str(sentence), Path(name).name
    if told.startswith(f"{base} "):
        told = name + told.removeprefix(base)
    elif name.lower() not in told.lower():
        told = f"{name}: {told}"
    click.echo(f"netviz: {safe(told)}", err=True)


@contextmanager
def output() -> Iterator[None]:
    """Print within; a reader that has seen enough (`head`) ends the printing quietly."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # not every locale has arrows
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and would complain about the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def draws_lines(encoding: str | None) -> bool:
    """Whether a terminal's character set has what a ladder is drawn with."""
    try:
        "│─═►◄▌µ…".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _missing(file: str, connections: Sequence[int], count: int) -> int:
    """Name the connections that a capture does not have. Returns the exit status."""
    missing = sorted({each for each in connections if each >= count})
    if not missing:
        return READ_WHOLE
    there = f"they go from 0 to {count - 1}" if count else "it has none"
    complain(file, f"There is no connection {', '.join(map(str, missing))}; {there}.")
    return UNUSABLE


def tell(
    files: Sequence[str],
    layout: str = "text",
    *,
    packets: bool = False,
    connections: Sequence[int] = (),
    wanted: str | None = None,
    index: bool = False,
) -> int:
    """Print the report of each file; what is wrong with one goes to standard error and into the exit status.

    `wanted` is a filter that was understood: of the connections, only those that match are told of.
    """
    status = READ_WHOLE
    with output():
        for file in files:
            try:
                session = open_session(file, index=index)
            except CaptureError as error:
                complain(file, error)
                status = UNUSABLE
                continue
            from export.report import write_report

            with closing(session):
                whole = read_whole(session)
                write_report(session, sys.stdout, layout, packets=packets, connections=connections, wanted=wanted)
            status = max(status, _missing(file, connections, len(session.snapshot.connections)))
            for problem in session.snapshot.problems:
                complain(file, problem.message)
                status = max(status, DAMAGED)
            if session.index_problem:
                complain(file, session.index_problem)
            if not whole:
                complain(
                    file,
                    f"Reading was stopped after {len(session.snapshot.packets):,} packets; the report is of those.",
                )
                return INTERRUPTED
    return status

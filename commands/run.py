"""`netviz run`: what a command says on localhost, in a network of its own."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import click

from capture.errors import CaptureError
from commands.common import ASCII, REPORT, importing
from commands.opening import UNUSABLE
from commands.settings import environment_of_others

if TYPE_CHECKING:
    from capture.live.feed import Feed
    from lab.sandboxing import Sandbox

EXAMPLES: Final = """\b
Examples:
  netviz run -- python my_server_test.py
  netviz run -- pytest tests/net
  netviz run -w test.pcapng --report -- make check

\b
Exit status: the command's; 126 or 127 if it cannot be started, 2 if no network of its own can be made here.
"""
LAST_SECONDS: Final = 0.2
"""How long the capture goes on behind the command: TCP may have something left to say."""


@click.command(epilog=EXAMPLES, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("-w", "--write", "file", type=click.Path(path_type=Path, dir_okay=False), help="Save as pcapng.")
@REPORT
@ASCII
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(file: Path | None, layout: str | None, command: tuple[str, ...], *, only_ascii: bool) -> int:
    """Run a command and watch its localhost traffic from the first SYN on, without root.

    The command gets a network of its own, in which there is only loopback: it reaches nothing else, and nothing else is
    seen. On the screen, what it prints is kept, and printed when you leave; leaving ends it. Without a screen the
    command has the terminal.
    """
    screen = layout is None and sys.stdout.isatty()
    from lab.errors import LabError

    output = tempfile.TemporaryFile(prefix="netviz-") if screen else None  # noqa: SIM115 - read at the end
    try:
        sandbox, feed = begin(list(command), file, output)
    except (CaptureError, LabError) as error:
        click.echo(f"netviz: {error}", err=True)
        return UNUSABLE
    if output is not None:
        return watch(sandbox, feed, output, only_ascii=only_ascii)
    return record(sandbox, feed, layout)


def begin(command: list[str], file: Path | None, output: IO[bytes] | None) -> tuple[Sandbox, Feed]:
    """Start the capture, then the command. Raises `LabError`, `CaptureError`."""
    from capture.live.feed import Target, feed_from
    from capture.live.interfaces import NetworkInterface
    from capture.live.starting import Helper, Limits, LiveError
    from lab.sandboxing import Sandbox

    loopback = NetworkInterface("lo", 1, 1, loopback=True, up=True, running=True, mac=None, mtu=65_536, addresses=())
    sandbox = Sandbox(command, environment_of_others(), output)
    try:
        helper = Helper(None, sandbox.control)
        target = Target(file, makes_room=output is not None)
        feed = feed_from(helper, [loopback], target, f"run {Path(command[0]).name}", limits=Limits())
    except LiveError as error:
        raise sandbox.refused() from error

    def finish() -> None:
        time.sleep(LAST_SECONDS)
        feed.stop()

    sandbox.go(finish)
    return sandbox, feed


def watch(sandbox: Sandbox, feed: Feed, output: IO[bytes], *, only_ascii: bool) -> int:
    """Show the screen, end the command when it is left, and print what the command printed."""
    from analysis.leaving import making_room
    from analysis.session import Session
    from commands.telling import draws_lines

    with importing():
        from tui.running import run as show

    try:
        ascii_ = only_ascii or not draws_lines(sys.stdout.encoding)
        show(Session(feed.source(), making_room(feed)), feed.where, ascii=ascii_, feed=feed)
    finally:
        status = sandbox.end()
        feed.stop()
        feed.close()
    output.seek(0)
    while piece := output.read(1 << 16):
        sys.stdout.buffer.write(piece)
    sys.stdout.flush()
    return status


def record(sandbox: Sandbox, feed: Feed, layout: str | None) -> int:
    """Let the command have the terminal, then tell what was captured."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the command's; its end is ours
    try:
        feed.wait()
    finally:
        signal.signal(signal.SIGINT, before)
        status = sandbox.end()
        counts = feed.stop()
    from views.live import summary

    click.echo(f"netviz: {summary(feed.where, counts, feed.saved_as, *feed.kept)}", err=True)
    if layout is not None:
        from analysis.session import Session
        from commands.telling import output
        from export.report import write_report

        with closing(Session(feed.source())) as session, output():
            session.run()
            write_report(session, sys.stdout, layout)
    feed.close()
    return status


command: Final = run

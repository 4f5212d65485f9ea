"""`netviz live`: packets as they pass an interface."""

from __future__ import annotations

import signal
import sys
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from capture.errors import CaptureError
from commands.common import ASCII, REPORT, importing
from commands.opening import DAMAGED, READ_WHOLE, UNUSABLE
from commands.quantities import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from capture.live.feed import Feed

EXAMPLES: Final = """\b
Examples:
  netviz live                                   localhost, on the screen
  netviz live -i eth0 -f 'tcp port 443'
  netviz live -w all.pcapng --duration 60       without a screen where the output is no terminal
  netviz live --packets 1000 --report
  netviz live -i eth0 -w last.pcapng --ring 10:100
  netviz run -- python my_server_test.py        needs no rights: a network of its own

\b
Exit status: 0 the capture ended as asked, 1 it broke off (what was captured is kept), 2 nothing can be captured.
"""
MEGABYTE: Final = 1_000_000
BYTES: Final = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
LEAST_SPOOL: Final = 16 << 20
"""Bytes: what comes within a second at a high rate."""


def ring_of(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """`FILES:SIZE`: how many files are kept, and how many bytes each may have (megabytes are given)."""
    if value is None:
        return None
    with suppress(ValueError):
        files, size = (int(part) for part in value.split(":"))
        if files > 0 and size > 0:
            return files, size * MEGABYTE
    raise click.BadParameter(f"{value!r} is not a number of files and of megabytes, like 10:100.")


@click.command(epilog=EXAMPLES)
@click.option("-i", "--interface", "names", multiple=True, metavar="INTERFACE", help="Where to capture (default: lo).")
@click.option("-f", "--filter", "expression", default="", metavar="BPF", help="A capture filter, as in tcpdump.")
@click.option("-w", "--write", "file", type=click.Path(path_type=Path, dir_okay=False), help="Save as pcapng.")
@click.option("--duration", type=click.FloatRange(min=0.01), metavar="S", help="End after so many seconds.")
@click.option("--packets", type=click.IntRange(min=1), metavar="N", help="End after so many packets.")
@click.option("--size", type=click.IntRange(min=1), metavar="MB", help="End before the file has more megabytes.")
@click.option(
    "--ring",
    callback=ring_of,
    metavar="FILES:SIZE",
    help="With -w: go on in new files, and keep the newest FILES of SIZE megabytes.",
)
@click.option(
    "--spool",
    type=Quantity(BYTES, "1GiB", least=LEAST_SPOOL, most=1 << 40),
    default="1GiB",
    help="Without -w: what is kept at most; then the oldest connections leave, or, without a screen, it ends.",
)
@click.option(
    "--snap-length", type=click.IntRange(min=60, max=262_144), default=262_144, metavar="N", help="Bytes kept of each."
)
@REPORT
@ASCII
def live(  # noqa: PLR0913, PLR0917 - one for each option
    names: tuple[str, ...],
    expression: str,
    file: Path | None,
    duration: float | None,
    packets: int | None,
    size: int | None,
    ring: tuple[int, int] | None,
    spool: float,
    snap_length: int,
    layout: str | None,
    *,
    only_ascii: bool,
) -> int:
    """Capture from network interfaces, and watch.

    Only a small process of its own has the rights for that, and gives them up before the first packet. Loopback shows
    each packet once. Where the output is no terminal, or with --report, there is no screen: then give a limit, or end
    it by Ctrl-C.
    """
    if ring is not None and file is None:
        raise click.UsageError("--ring needs -w FILE, from which the files get their names.")
    screen = layout is None and sys.stdout.isatty()
    try:
        from capture.live.feed import Target, open_feed
        from capture.live.starting import Limits

        limits = Limits(packets, size * MEGABYTE if size else None, duration, ring[1] if ring else None)
        target = Target(file, ring[0] if ring else None, int(spool), makes_room=screen)
        feed = open_feed(chosen(names), target, expression=expression, snap_length=snap_length, limits=limits)
    except CaptureError as error:
        click.echo(f"netviz: {error}", err=True)
        return UNUSABLE
    if screen:
        return watch(feed, only_ascii=only_ascii)
    return record(feed, layout)


def chosen(names: Sequence[str]) -> list[str]:
    """The interfaces that are meant: loopback, unless told; `any` stands for all that are up."""
    from capture.live.interfaces import interfaces

    if "any" in names:
        return [each.name for each in interfaces() if each.up and each.link_type is not None]
    if names:
        return list(dict.fromkeys(names))
    return [each.name for each in interfaces() if each.loopback][:1]


@contextmanager
def stopping(feed: Feed) -> Iterator[None]:
    """Within, Ctrl-C, SIGTERM and SIGHUP end the capture."""

    def stop(*_: object) -> None:
        feed.ask_to_stop()

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {each: signal.signal(each, stop) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def record(feed: Feed, layout: str | None) -> int:
    """Capture without a screen, and tell how much it was; returns the exit status."""
    from capture.live.notes import notes
    from capture.live.processes import SocketWatch

    watching = SocketWatch()
    feed.note = lambda: notes(watching.known)
    with stopping(feed):
        through = f" through {feed.through}" if feed.through else ""
        click.echo(f"netviz: capturing from {feed.where}{through}; Ctrl-C ends it", err=True)
        feed.wait()
    watching.stop()
    counts = feed.stop()
    from views.live import summary

    click.echo(f"netviz: {summary(feed.where, counts, feed.saved_as, *feed.kept)}", err=True)
    if layout is not None:
        from analysis.session import Session
        from commands.telling import output
        from export.report import write_report

        with closing(Session(feed.source(), owners=watching.known)) as session, output():
            session.run()
            write_report(session, sys.stdout, layout)
    feed.close()
    return READ_WHOLE if counts.done in {"limit", "stopped"} else DAMAGED


def watch(feed: Feed, *, only_ascii: bool) -> int:
    """Show it on the screen; returns the exit status."""
    from analysis.leaving import making_room
    from analysis.session import Session
    from capture.live.notes import notes
    from capture.live.processes import SocketWatch
    from commands.telling import draws_lines

    with importing():
        from tui.running import run

    watching = SocketWatch()
    feed.note = lambda: notes(watching.known)
    try:
        ascii_ = only_ascii or not draws_lines(sys.stdout.encoding)
        session = Session(feed.source(), making_room(feed), owners=watching.known)
        status = run(session, feed.where, ascii=ascii_, feed=feed)
    except OSError as error:
        click.echo(f"netviz: There is no terminal to read keys from: {error.strerror}.", err=True)
        return UNUSABLE
    finally:
        watching.stop()
        counts = feed.stop()
        feed.close()
    from views.live import summary

    click.echo(f"netviz: {summary(feed.where, counts, feed.saved_as, *feed.kept)}", err=True)
    return status


command: Final = live

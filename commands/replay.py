"""`netviz replay`: a capture on the screen."""

from __future__ import annotations

import sys
from typing import Final

import click

from capture.errors import CaptureError
from commands.common import ASCII, FILTER, importing
from commands.opening import CAPTURE_FILE, UNUSABLE, open_session
from commands.telling import complain, draws_lines, tell

EXAMPLES: Final = """\b
Examples:
  netviz replay fixtures/handshake.pcap
  sudo tcpdump -i lo -U -w - | netviz replay -
  ssh router tcpdump -i eth0 -U -w - not port 22 | netviz replay -
  netviz replay --follow growing.pcapng
  netviz replay --filter 'outcome:refused or retransmitted' big.pcap
  netviz replay --ascii capture.pcapng.gz
"""


@click.command(epilog=EXAMPLES)
@click.argument("file", type=CAPTURE_FILE)
@ASCII
@click.option(
    "--index/--no-index",
    default=True,
    help="Keep what is found out about a large capture, so that it opens at once the next time (default: yes).",
)
@FILTER
@click.option("--follow", is_flag=True, help="Go on reading as the file grows, as tail -f does.")
def replay(file: str, wanted: str | None, *, only_ascii: bool, index: bool, follow: bool) -> int:
    """Open a capture and step through its conversations.

    FILE is a pcap or pcapng file, compressed or not; - reads standard input while the keyboard keeps working. Where
    the output is not a terminal, the story is printed as text instead.
    """
    if not sys.stdout.isatty():
        if follow:
            raise click.UsageError("--follow needs a terminal to show what comes.")
        return tell([file], index=index, wanted=wanted)
    try:
        session = open_session(file, index=index, follow=follow)
    except CaptureError as error:
        complain(file, error)
        return UNUSABLE
    with importing():
        from tui.running import run

    try:
        return run(session, file, ascii=only_ascii or not draws_lines(sys.stdout.encoding), wanted=wanted)
    except OSError as error:
        complain(file, f"There is no terminal to read keys from: {error.strerror}.")
        return UNUSABLE


command: Final = replay

"""`netviz report`: the story of captures without a screen."""

from __future__ import annotations

from typing import Final

import click

from commands.common import FILTER
from commands.opening import CAPTURE_FILE
from commands.telling import tell

LAYOUT: Final = click.Choice(["text", "json", "csv", "machines"])

EXAMPLES: Final = """\b
Examples:
  netviz report capture.pcap
  netviz report --connection 3 --packets capture.pcap
  netviz report --filter 'outcome:refused host:10.0.0.5' capture.pcap
  netviz report --format json *.pcapng | jq -c '.connections[] | {stream, outcome}'

\b
Exit status: 0 read whole, 1 damaged (what could be read is printed), 2 wrong usage,
no capture or no such connection, 130 stopped by Ctrl-C (what was read is printed).
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", metavar="FILE...", type=CAPTURE_FILE, nargs=-1, required=True)
@click.option(
    "--format",
    "layout",
    type=LAYOUT,
    default="text",
    help="For people, programs or spreadsheets; machines: connections that belong together, a lane for each machine.",
)
@click.option("--packets", is_flag=True, help="Tell of every packet, too.")
@click.option(
    "--connection",
    "connections",
    metavar="N",
    type=click.IntRange(min=0),
    multiple=True,
    help="Only connection N, as the report numbers them; may be given several times.",
)
@FILTER
@click.option(
    "--index/--no-index",
    default=False,
    help="Use and keep an index of a large capture, as replay does (default: read it again).",
)
def report(
    files: tuple[str, ...],
    layout: str,
    connections: tuple[int, ...],
    wanted: str | None,
    *,
    packets: bool,
    index: bool,
) -> int:
    """Tell the whole story of captures without a screen.

    With several files, the JSON format prints one object a line. With a filter, connections with at least one packet
    that matches are told of, whole.
    """
    return tell(files, layout, packets=packets, connections=connections, wanted=wanted, index=index)


command: Final = report

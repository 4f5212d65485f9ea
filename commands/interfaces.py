"""`netviz interfaces`: where packets could be captured, and whether you may."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from commands.opening import READ_WHOLE, UNUSABLE
from commands.telling import output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.live.interfaces import NetworkInterface

EXAMPLES: Final = """\b
Examples:
  netviz interfaces
  netviz interfaces --format json | jq -r '.[] | select(.may_capture) | .name'
"""


@click.command(epilog=EXAMPLES)
@click.option("--format", "layout", type=click.Choice(["text", "json"]), default="text", help="For people or programs.")
def interfaces(layout: str) -> int:
    """List the network interfaces: addresses, link type, state, and whether you may capture there."""
    if sys.platform != "linux":
        click.echo("netviz: interfaces are listed on Linux only; elsewhere `tcpdump -D` does it.", err=True)
        return UNUSABLE
    from capture.live.interfaces import interfaces as found
    from capture.live.ways import way_here

    every, way = found(), way_here()
    with output():
        if layout == "json":
            click.echo(json.dumps([_object(each, hindrance(each, may=way.program is not None)) for each in every]))
            return READ_WHOLE
        for line in table(every, may=way.program is not None):
            click.echo(line)
        click.echo("")
        click.echo(way.sentence)
    return READ_WHOLE


def hindrance(interface: NetworkInterface, *, may: bool) -> str | None:
    """What keeps packets of an interface from being captured; None if nothing does."""
    if not may:
        return "no permission"
    if not interface.up:
        return "down"
    return "kind not supported" if interface.link_type is None else None


def table(every: Sequence[NetworkInterface], *, may: bool) -> list[str]:
    """The list as aligned lines of text."""
    rows = [("name", "state", "link type", "capture", "addresses")]
    for each in every:
        state = "up" if each.running else "no link" if each.up else "down"
        addresses = ", ".join(each.addresses) or "none"
        rows.append((each.name, state, _link(each), hindrance(each, may=may) or "yes", addresses))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]) for row in rows]


def _link(interface: NetworkInterface) -> str:
    from capture.link_types import link_type_name

    kind = "other" if interface.link_type is None else link_type_name(interface.link_type)
    return f"{kind} (loopback)" if interface.loopback else kind


def _object(interface: NetworkInterface, why_not: str | None) -> dict[str, Any]:
    from capture.link_types import link_type_name

    told = asdict(interface)
    told["link_type"] = None if interface.link_type is None else link_type_name(interface.link_type)
    return told | {"may_capture": why_not is None, "why_not": why_not}


command: Final = interfaces

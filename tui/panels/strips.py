"""Lines for small screens: the layers of a packet in one line, the connection's packets on one time axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from views.strips import connection_time, layers_strip, rule, time_strip
from views.text import Span

if TYPE_CHECKING:
    from analysis.layers import Dissection
    from tui.desk import Desk
    from views.options import Options
    from views.text import Line


def layers_lines(dissection: Dissection | None, packet: int, width: int, options: Options) -> list[Line]:
    """The strip of a packet's layers; its number while they are not there."""
    dashes = ("-" if options.ascii else "─") * 2
    if dissection is None:
        return [rule("layers", f"packet {packet + 1}" if packet >= 0 else "no packet", width, options)]
    lead, tail = f"{dashes} layers ", f"{dashes}"
    strip = layers_strip(dissection, max(0, width - len(lead) - len(tail)), options)
    return [(Span(dashes, "rule"), Span(" layers ", "title"), *strip, Span(dashes, "rule"))]


def time_lines(desk: Desk, width: int) -> list[Line]:
    """The strip of a connection's packets, with the selected one."""
    if desk.scene is None or desk.scene.packets is None or not len(desk.scene.packets):
        return [rule("time", "", width, desk.options)]
    snapshot, packets, options = desk.scene.request.snapshot, desk.scene.packets, desk.options
    title = rule("time", connection_time(packets, options), width, options)
    return [title, time_strip(snapshot, packets, desk.packet, width, options)]

"""One line each, for small screens: a packet's layers, a connection's packets on a time axis, a rule with a title."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from views.conversation import Conversation
from views.durations import duration
from views.glyphs import glyphs
from views.options import Options
from views.raster import cell_of, key_packets, line_of, paint, sample
from views.text import Span, cells, cut, fit, line_cells, safe
from views.wording import _

if TYPE_CHECKING:
    from analysis.gathered import Gathered
    from analysis.layers import Dissection
    from analysis.snapshot import Snapshot
    from views.text import Line

PLAIN = Options()


def rule(title: str, right: str, width: int, options: Options = PLAIN) -> Line:
    """`── title ────────── right ──`, exactly `width` cells."""
    signs = glyphs(ascii_only=options.ascii)
    line = signs.rule * 2
    shown = cut(safe(title), max(width - 6, 0), signs.ellipsis)
    after = f" {right} {line}" if right and width - cells(shown) - 8 > cells(right) else ""
    fill = signs.rule * max(width - cells(shown) - 4 - cells(after), 0)
    return fit((Span(line + " ", "rule"), Span(shown, "title"), Span(f" {fill}", "rule"), Span(after, "rule")), width)


def layers_strip(dissection: Dissection, width: int, options: Options = PLAIN) -> Line:
    """`Ethernet 14 › IPv4 20 › TCP 20 › no payload        54 B`: header sizes, and the bytes they cover."""
    signs = glyphs(ascii_only=options.ascii)
    layers = [layer for layer in dissection.layers if layer.osi > 1]
    parts = [(Span(safe(layer.name), f"layer-{layer.osi}"), Span(f" {layer.header_length}", "dim")) for layer in layers]
    if not any(layer.osi >= 5 for layer in layers):
        parts.append((Span(_("no payload"), "empty"), Span("", "")))
    total = f"  {sum(layer.header_length for layer in layers)} B "
    room = max(width - len(total), 0)
    shown = [Span(" ", "")]
    for place, part in enumerate(parts):
        spans = [*([Span(f" {signs.next} ", "dim")] if place else []), *part]
        after = 0 if place == len(parts) - 1 else 2
        if place and line_cells((*shown, *spans)) + after > room:
            shown.append(Span(f" {signs.ellipsis}", "dim"))  # the inner ones have no room
            break
        shown += spans
    return (*fit(tuple(shown), room), *fit((Span(total, "dim"),), min(len(total), width)))


def time_strip(snapshot: Snapshot, packets: Gathered, cursor: int, width: int, options: Options = PLAIN) -> Line:
    """The packets of one connection from its first to its last; `cursor` is the packet row at the play head."""
    if not len(packets) or width <= 2:
        return fit((), width)
    conversation = Conversation(snapshot, packets.connection, packets.rows, packets)
    places = sample(0, len(packets))
    times = packets.time_ns[places]
    window = (int(times.min()), max(int(times.max()), int(times.min()) + 1))
    keys = key_packets(snapshot, packets.connection)
    at = np.searchsorted(packets.rows[:-1], keys)
    keys = at[packets.rows[at] == keys]  # the others were not gathered
    room = width - 2
    best, from_client = paint(packets, np.concatenate((places, keys)), conversation.client, window, room)
    cursor_at = (
        cell_of(int(snapshot.packets.time_ns[cursor]), window, room) if 0 <= cursor < len(snapshot.packets) else -1
    )
    bars = line_of(best, from_client, (0, room - 1), cursor_at, glyphs(ascii_only=options.ascii))
    return fit((Span(" ", ""), *bars), width)


def connection_time(packets: Gathered, options: Options = PLAIN) -> str:
    """How long a connection took, for the title of its strip; of a part of it, how many packets that are as well."""
    if not len(packets):
        return ""
    passed = int(packets.time_ns[-1]) - int(packets.time_ns[0])
    told = duration(passed, micro=glyphs(ascii_only=options.ascii).micro)
    if len(packets) == packets.total:
        return told
    return _("{number} of {total} packets, {time}").format(number=len(packets), total=packets.total, time=told)

"""The first line of the screen, what is open; and the line that tells how far reading has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from views.causes import connection_causes
from views.durations import count, duration, size
from views.findings import tally
from views.glyphs import glyphs
from views.text import Span, cells, cut, fit, line_cells, safe
from views.verdicts import ROLES_OF, severity, words
from views.wording import _, ngettext

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.causes import Cause
    from analysis.finding import Finding
    from analysis.snapshot import Snapshot
    from views.options import Options
    from views.text import Line


def status(  # noqa: PLR0913 - what is open, what is known of it, and the room there is
    snapshot: Snapshot,
    connection: int,
    name: str,
    options: Options,
    width: int,
    findings: Sequence[Finding] = (),
    *,
    causes: Sequence[Cause] = (),
) -> Line:
    """` netviz  handshake.pcap  conn #0 of 1  19 packets  RTT 30.0 ms  closed normally  1 warning`.

    What does not fit is left out.

    The verdict stays longest, then how many errors and warnings were found, then the name of the capture, then which
    connections caused this one, or were caused by it (of `causes`). Connections are numbered from 0 everywhere, as the
    report and Wireshark's streams are.
    """
    signs = glyphs(ascii_only=options.ascii)
    table = snapshot.connections
    whole, room = safe(name), max(width // 3, 12)
    title, file = Span(" netviz", "strong"), Span(cut(whole, room, signs.ellipsis), "title")
    parts: list[tuple[int, Span]] = [(1, title), (2, file)]
    if 0 <= connection < len(table):
        packets = int(table.packets[connection].sum())
        parts.append((3, Span(_("conn #{number} of {all}").format(number=connection, all=len(table)), "")))
        many = ngettext("{number} packet", "{number} packets", packets).format(number=count(packets))
        if packets < len(snapshot.packets):
            many = _("{number} of {all} packets").format(number=count(packets), all=count(len(snapshot.packets)))
        parts.append((4, Span(many, "")))
        if (rtt := int(table.initial_rtt_ns[connection])) >= 0:
            parts.append((5, Span("RTT " + duration(rtt, micro=signs.micro), "")))
        role = ROLES_OF[severity(snapshot, connection)]
        parts.append((0, Span(words(snapshot, connection), role)))
        parts += [(1, Span(text, role)) for text, role in tally(findings)]
        parts.append((3, Span(connection_causes(causes, connection), "note")))
    else:
        parts.append((3, Span(_("no packets"), "dim")))
    for keep in range(5, -1, -1):
        shown = [span for importance, span in parts if importance <= keep and span.text]
        spare = width + 2 - sum(cells(span.text) + 2 for span in shown)
        if spare >= 0:
            break
    longer = Span(cut(whole, room + max(spare, 0), signs.ellipsis), "title")  # the rest of the line is the name's
    line: list[Span] = []
    for span in [longer if span is file else span for span in shown]:
        line += [Span("  ", ""), span] if line else [span]
    return fit(tuple(line), width)


def progress(snapshot: Snapshot, rate: float, width: int, options: Options | None = None) -> Line | None:
    """How far reading has come, `rate` in packets a second; None when there is nothing more to read."""
    if snapshot.finished:
        return None
    signs = glyphs(ascii_only=options is not None and options.ascii)
    many = _("{packets} packets").format(packets=count(len(snapshot.packets)))
    speed = _("{rate} packets/s").format(rate=count(int(rate)))
    tail = (Span(f"  {many}  {speed}  ", ""), Span(_("[Esc cancels]"), "key"))
    if not snapshot.bytes_total:
        return fit((Span(" " + _("reading {size}").format(size=size(snapshot.bytes_read)), "progress"), *tail), width)
    part = min(max(snapshot.bytes_read / snapshot.bytes_total, 0.0), 1.0)
    lead = Span(" " + _("reading {percent} %").format(percent=int(part * 100)) + "  ", "progress")
    room = min(max(width - line_cells((lead, *tail)), 0), 40)
    full = int(room * part)
    bar = (Span(signs.full * full, "progress"), Span(signs.rest * (room - full), "dim")) if room >= 8 else ()
    return fit((lead, *bar, *tail), width)

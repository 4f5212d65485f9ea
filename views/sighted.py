"""Where else a packet was captured on its way: the points of a lab, in the order in which it passed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.snapshot import first_sighting
from views.durations import duration
from views.glyphs import glyphs
from views.moment import number
from views.text import safe
from views.wording import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from analysis.details import Detail
    from analysis.snapshot import Snapshot
    from views.options import Options


def sightings(snapshot: Snapshot, packet: int) -> NDArray[np.int64]:
    """Rows of all that is the same packet, int64, in order of time; none if it was seen at one point only."""
    pairs, first = snapshot.sightings, first_sighting(snapshot, packet)
    again = pairs[pairs[:, 1] == first, 0].tolist()
    if not again:
        return np.zeros(0, np.int64)
    rows = np.array([first, *again])
    in_time: NDArray[np.int64] = rows[np.argsort(snapshot.packets.time_ns[rows], kind="stable")]
    return in_time


def tell_sightings(snapshot: Snapshot, packet: int, details: Mapping[int, Detail], options: Options) -> tuple[str, ...]:
    """One sentence, if there is something to be told; of `details` those of the sightings tell the way more exactly."""
    rows = sightings(snapshot, packet).tolist()
    if not rows:
        return ()
    start = int(snapshot.packets.time_ns[rows[0]])
    told, before = [], ""
    for row in rows:
        point = safe(snapshot.interfaces[int(snapshot.packets.interface[row])].name or "?")
        later = int(snapshot.packets.time_ns[row]) - start
        notes = [_("packet {number}").format(number=number(row))]
        if later:
            notes.append("+" + duration(later, micro=glyphs(ascii_only=options.ascii).micro))
        way = _way(details.get(row))
        if way and way != before:
            notes.append(way)
        before = way
        told.append(f"{point} ({', '.join(notes)})")
    return (_("The same packet was captured at {where}; it counts once.").format(where=", ".join(told)),)


def _way(detail: Detail | None) -> str:
    """Its hardware addresses and its time to live, which each router changes; "" if they were not captured."""
    if detail is None or detail.names[:2] not in {("ethernet", "ipv4"), ("ethernet", "ipv6")}:
        return ""
    to, by = (detail.data[at : at + 6].hex(":") for at in (0, 6))
    four = detail.names[1] == "ipv4"
    at = 14 + (8 if four else 7)
    if len(detail.data) <= at:
        return ""
    life = f"TTL {detail.data[at]}" if four else _("hop limit {number}").format(number=detail.data[at])
    return f"{life}, {by} {_('to')} {to}"

"""Where else a packet was captured on its way: the points of a lab, in the order in which it passed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.snapshot import first_sighting
from views.durations import duration
from views.glyphs import glyphs
from views.moment import number, sentence
from views.text import safe
from views.wording import _

if TYPE_CHECKING:
    from analysis.snapshot import Snapshot
    from views.options import Options


def sightings(snapshot: Snapshot, packet: int) -> list[int]:
    """Rows of all that is the same packet, in order of time; none if it was seen at one point only."""
    pairs, first = snapshot.sightings, first_sighting(snapshot, packet)
    again = pairs[pairs[:, 1] == first, 0].tolist()
    again = [each for each in again if each < len(snapshot.packets)]
    return sorted([first, *again], key=lambda each: int(snapshot.packets.time_ns[each])) if again else []


def tell_sightings(snapshot: Snapshot, packet: int, options: Options) -> tuple[str, ...]:
    """One sentence, if there is something to be told."""
    rows = sightings(snapshot, packet)
    if not rows:
        return ()
    times = snapshot.packets.time_ns
    start = int(times[rows[0]])
    told = []
    for row in rows:
        point = safe(snapshot.interfaces[int(snapshot.packets.interface[row])].name or "?")
        later = int(times[row]) - start
        place = _("{point} (packet {packet})").format(point=point, packet=number(row))
        if later:
            place = _("{point} (packet {packet}, {time} later)").format(
                point=point, packet=number(row), time=duration(later, micro=glyphs(ascii_only=options.ascii).micro)
            )
        told.append(place)
    where = ", ".join(told)
    return (sentence(_("The same packet was captured at {where}; it counts once.").format(where=where)),)

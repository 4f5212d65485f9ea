"""Findings about the way that packets took: what differs between directions or changes within one, and no more.

From one place nobody sees the whole route. What is told is what stands in the frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.examined import NOTHING
from analysis.finding import Code, Finding
from analysis.findings_capture import captured_in_two_places

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from analysis.case import Case
    from analysis.examined import Examined
    from analysis.finding import Value


def examined_candidates(e: Examined, count: int) -> dict[Code, NDArray[np.bool_]]:
    """Which connections may have packets that came another way, bool (count,)."""
    found = np.zeros(count, np.bool_)
    order = np.lexsort((e.packet, e.interface, e.end, e.connection))
    one, other = order[:-1], order[1:]
    together = e.connection[one] == e.connection[other]
    turned = together & (e.end[one] != e.end[other])
    along = together & ~turned & (e.interface[one] == e.interface[other])
    changed = along & np.any([_of(e, name)[one] != _of(e, name)[other] for name in CHANGES], axis=0)
    here = e.interface[one] == e.interface[other]
    mirrored = (e.source[one] == e.destination[other]) & (e.destination[one] == e.source[other])
    differs = turned & (~here | ~mirrored | (e.vlan[one] != e.vlan[other]))
    found[e.connection[other[changed | differs]]] = True
    return {Code.ASYMMETRIC_ROUTE: found}


CHANGES: Final = ("ttl", "source", "destination")


def _of(e: Examined, name: str) -> NDArray[np.int64]:
    column: NDArray[np.int64] = getattr(e, name)
    return column


def asymmetric_route(case: Case) -> Finding | None:
    """The first that holds: other interfaces, other VLANs, other hardware addresses back; or a change of TTL or MAC."""
    # A copy was captured on its way: behind a router it has another TTL, and came from the router.
    e = case.examined.take(np.flatnonzero(~case.examined.copy))
    for look in (_other_interface, _other_vlan, _other_hardware, _changed):
        if look is _changed and (not case.overview.tcp[case.row] or captured_in_two_places(case.examined)):
            return None  # a program may choose the TTL of each datagram, as traceroute does
        if look is _other_interface and len(case.snapshot.sightings):
            continue  # each packet stands where it was seen first
        told = look(e)
        if told is not None:
            packet, evidence = told
            return Finding(Code.ASYMMETRIC_ROUTE, packet, {**evidence, "examined": len(case.examined)})
    return None


Told = tuple[int, dict[str, "Value"]]


def _directions(e: Examined) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.flatnonzero(e.end == 0), np.flatnonzero(e.end == 1)


def _other_interface(e: Examined) -> Told | None:
    """One direction was captured on other interfaces than the other."""
    there, back = _directions(e)
    if not len(there) or not len(back) or np.intersect1d(e.interface[there], e.interface[back]).size:
        return None
    return int(e.packet[back[0]]), {"interfaces": (int(e.interface[there[0]]), int(e.interface[back[0]]))}


def _other_vlan(e: Examined) -> Told | None:
    """One direction stands in another VLAN."""
    there, back = _directions(e)
    if not len(there) or not len(back) or np.intersect1d(e.vlan[there], e.vlan[back]).size:
        return None
    return int(e.packet[back[0]]), {"vlans": (int(e.vlan[there[0]]), int(e.vlan[back[0]]))}


def _other_hardware(e: Examined) -> Told | None:
    """What comes back does not come from where the other direction goes to, on any interface that has both."""
    for interface in np.unique(e.interface).tolist():
        there, back = (each[e.interface[each] == interface] for each in _directions(e))
        there, back = there[e.source[there] != NOTHING], back[e.source[back] != NOTHING]
        if not len(there) or not len(back):
            continue
        forward = set(zip(e.source[there].tolist(), e.destination[there].tolist(), strict=True))
        turned = set(zip(e.destination[back].tolist(), e.source[back].tolist(), strict=True))
        straight = {(source, destination) for destination, source in turned}
        # Where both directions have the same addresses in the same order, they tell nothing: a tap wrote them.
        if not forward & turned and not forward & straight:
            return int(e.packet[back[0]]), {
                "hardware": (
                    int(e.source[there[0]]),
                    int(e.destination[there[0]]),
                    int(e.source[back[0]]),
                    int(e.destination[back[0]]),
                )
            }
    return None


def _changed(e: Examined) -> Told | None:
    """Within one direction on one interface, a packet has another TTL or other hardware addresses than the first."""
    for end in (0, 1):
        for interface in np.unique(e.interface).tolist():
            own = np.flatnonzero((e.end == end) & (e.interface == interface))
            told = _change_of(e, own, end) if len(own) else None
            if told is not None:
                return told
    return None


def _change_of(e: Examined, own: NDArray[np.int64], end: int) -> Told | None:
    names: Mapping[str, tuple[str, ...]] = {"ttls": ("ttl",), "addresses": ("source", "destination")}
    for key, columns in names.items():
        differs = np.any([_of(e, name)[own] != _of(e, name)[own[0]] for name in columns], axis=0)
        if differs.any():
            at = own[np.argmax(differs)]
            values = tuple(int(_of(e, name)[place]) for place in (own[0], at) for name in columns)
            return int(e.packet[at]), {key: values, "end": end}
    return None


FIND: Final = {Code.ASYMMETRIC_ROUTE: asymmetric_route}

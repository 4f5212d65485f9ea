"""Who was the master of a virtual router, from when to when, and how it came to be: from VRRP's advertisements.

Only a master advertises (RFC 9568 section 6.4.3), so a spell of advertisements from one address is a time as master.
How it began follows from what came before: section 6.4.2 lets a backup take over after a resignation (priority 0),
after silence (the master-down interval of its own priority), or over the head of a master with a lower priority.

A virtual router is a VRID together with its addresses: of those with one number that share an address, all are the same
one, as two networks in one capture may use one number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, unique
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from analysis.vrrp import advertisement
from capture.protocol import Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.details import Detail
    from analysis.snapshot import Snapshot
    from analysis.vrrp import Advertisement

VRRP: Final = (Protocol.VRRP4, Protocol.VRRP6)
MOST: Final = 1000
"""Spells that are kept; of a capture with more, the first."""
TOLERANCE: Final = 10
"""A timer may run this part of the advertisement interval short, since routers and captures are not that exact."""


@unique
class Began(StrEnum):
    """How somebody became the master, or was found to be it."""

    SEEN = "first seen"
    RESIGNED = "the other resigned"
    SILENCE = "the other was silent"
    PRIORITY = "has a higher priority"
    BESIDE = "beside another master"
    AGAIN = "silent until then"


@dataclass(slots=True)
class Mastership:
    """A time for which `master` advertised. Packets are rows; `priority` is the last above 0 that it named, if any.

    `silence_ns` is the time between the last advertisement of whoever was master before and its first;
    `waits_ns` the silence after which a backup of its priority takes over.
    """

    virtual: int  # which of the capture's virtual routers, from 0
    version: int
    router: int
    addresses: tuple[str, ...]
    master: str
    priority: int
    interval_ns: int
    waits_ns: int
    began: Began
    silence_ns: int | None
    packet: int
    last_packet: int
    begin_ns: int
    end_ns: int
    advertisements: int = 1
    resigned: bool = False


@dataclass(slots=True)
class _Router:
    """One virtual router and its spells; those in `current` may go on."""

    number: int
    spells: list[Mastership] = field(default_factory=list)
    current: dict[str, Mastership] = field(default_factory=dict)

    def hear(self, told: Advertisement, packet: int, time_ns: int) -> bool:
        """One more advertisement; returns whether a new spell began."""
        # The longest that any backup waits is four intervals: after that the others have no master.
        self.current = {
            name: spell for name, spell in self.current.items() if time_ns - spell.end_ns <= 4 * spell.interval_ns
        }
        own = self.current.get(str(told.sender))
        # Beside another one, who misses a turn has stepped back.
        if own is None or (len(self.current) > 1 and time_ns - own.end_ns > 2 * own.interval_ns):
            self.spells.append(self._begun(told, packet, time_ns))
            self.current[str(told.sender)] = self.spells[-1]
            return True
        own.last_packet, own.end_ns = packet, time_ns
        own.advertisements += 1
        own.resigned = not told.priority
        if told.priority:
            own.priority, own.interval_ns, own.waits_ns = told.priority, told.interval_ns, told.down_ns
        return False

    def _begun(self, told: Advertisement, packet: int, time_ns: int) -> Mastership:
        before = max(self.spells, key=lambda spell: spell.last_packet, default=None)
        began, silence = Began.SEEN, None
        if before is not None:
            silence = time_ns - before.end_ns
            began = _how(told, before, silence)
        if began in (Began.RESIGNED, Began.SILENCE, Began.AGAIN):
            self.current.clear()
        return Mastership(
            virtual=self.number,
            version=told.version,
            router=told.router,
            addresses=told.addresses,
            master=str(told.sender),
            priority=told.priority,
            interval_ns=told.interval_ns,
            waits_ns=told.down_ns,
            began=began,
            silence_ns=silence,
            packet=packet,
            last_packet=packet,
            begin_ns=time_ns,
            end_ns=time_ns,
            resigned=not told.priority,
        )


def masters(snapshot: Snapshot, details: Iterable[Detail]) -> list[Mastership]:
    """The spells that these packets (of any kind, ascending) tell: router by router, each in the order of time."""
    routers: list[_Router] = []
    having: dict[tuple[int, str], _Router] = {}  # by number and address: the first that was told with it
    count = 0
    for detail in details:
        if Protocol(int(snapshot.packets.protocol[detail.packet])) not in VRRP or detail.transport < 0:
            continue
        told = advertisement(detail.data[detail.network :], detail.transport - detail.network)
        if told is None:
            continue
        keys = [(told.router, address) for address in told.addresses]
        found = min((having[key] for key in keys if key in having), key=lambda each: each.number, default=None)
        if found is None:
            found = _Router(len(routers))
            routers.append(found)
        having.update(dict.fromkeys(keys, found))
        count += found.hear(told, detail.packet, int(snapshot.packets.time_ns[detail.packet]))
        if count == MOST:
            break
    return [spell for each in routers for spell in each.spells]


def _how(told: Advertisement, before: Mastership, silence_ns: int) -> Began:
    if before.master == str(told.sender):
        return Began.AGAIN
    if before.resigned:
        return Began.RESIGNED
    if silence_ns >= told.down_ns - told.interval_ns // TOLERANCE:
        return Began.SILENCE
    better = told.priority, int(told.sender)  # of two with one priority the greater address wins
    return Began.PRIORITY if better > (before.priority, _number(before.master)) else Began.BESIDE


def _number(address: str) -> int:
    return int(ip_address(address))

"""What an expert would say of each connection: gathered in two tiers, since a capture may have a million of them.

First every connection is asked every question at once, of the tables and of the first packets' bytes; the answer is a
mask of candidates. Only those are looked at one by one, which decides, and gathers the evidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis import (
    findings_capture,
    findings_closing,
    findings_flow,
    findings_icmp,
    findings_opening,
    findings_path,
)
from analysis.case import Case, Overview
from analysis.examined import SAMPLE, examine
from analysis.finding import Code
from capture.protocol import Flag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from analysis.examined import Examined
    from analysis.finding import Finding
    from analysis.session import Session

BLOCK: Final = 16_384
"""Connections that are examined together: it bounds the memory, and their packets lie close in the file."""

FIND: Final[dict[Code, Callable[[Case], Finding | None]]] = {
    **findings_opening.FIND,
    **findings_closing.FIND,
    **findings_flow.FIND,
    **findings_path.FIND,
    **findings_capture.FIND,
}

EXPLAINED: Final = {Code.HALF_OPEN: (Code.RESET, Code.LOSS)}
"""What is not worth a sentence of its own beside the finding that explains it."""
BY_BIT: Final = tuple((code.bit, find) for code, find in FIND.items())


def candidates(overview: Overview) -> NDArray[np.uint32]:
    """Which connections the tables make candidates of which findings: a mask of `Code.bit`, uint32 (M,)."""
    mask = np.zeros(len(overview.connections), np.uint32)
    for module in (findings_opening, findings_closing, findings_flow, findings_capture):
        for code, where in module.candidates(overview).items():
            mask |= np.where(where, np.uint32(code.bit), np.uint32(0))
    return mask


def examined_candidates(examined: Examined, count: int) -> NDArray[np.uint32]:
    """The same for the findings that packets' bytes tell; uint32 (count,)."""
    mask = np.zeros(count, np.uint32)
    for module in (findings_capture, findings_path):
        for code, where in module.examined_candidates(examined, count).items():
            mask |= np.where(where, np.uint32(code.bit), np.uint32(0))
    return mask


class Findings:
    """The findings of one session's snapshot, which should be a finished one. Reads the file: not for the screen."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._overview = Overview(session.snapshot)
        self._candidates = candidates(self._overview)
        self._icmp = findings_icmp.errors(session, self._overview)

    def of(self, connection: int) -> tuple[Finding, ...]:
        """Those of one connection, the worst first."""
        return next(self.of_each(np.array([connection], np.int64)))[1]

    def of_each(self, connections: NDArray[np.int64]) -> Iterator[tuple[int, tuple[Finding, ...]]]:
        """Each of these connections (rows, ascending) and its findings, the worst first."""
        for first in range(0, len(connections), BLOCK):
            yield from self._of_block(connections[first : first + BLOCK])

    def _of_block(self, block: NDArray[np.int64]) -> Iterator[tuple[int, tuple[Finding, ...]]]:
        packets, begin, end = self._packets_of(block)
        place = np.arange(len(packets)) - np.repeat(begin, end - begin)
        sampled = packets[place < SAMPLE]
        examined = examine(self._session, np.sort(sampled))
        mask = self._candidates | examined_candidates(examined, len(self._candidates))
        order = np.argsort(examined.connection, kind="stable")
        examined = examined.take(order)
        beside = findings_capture.checksum_offloads(self._overview, examined)
        low = np.searchsorted(examined.connection, block, side="left")
        high = np.searchsorted(examined.connection, block, side="right")
        for index, connection in enumerate(block.tolist()):
            bits = int(mask[connection])
            known = [each[connection] for each in (self._icmp, beside) if connection in each]
            if not bits:
                yield connection, _told(known)
                continue
            case = Case(
                self._overview,
                connection,
                packets[begin[index] : end[index]],
                examined.take(slice(int(low[index]), int(high[index]))),
            )
            yield connection, _told([*_judged(case, bits), *known])

    def _packets_of(self, block: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Rows of the packets of a block, connection after connection, and where each begins and ends."""
        if len(block) == 1:
            rows = self._session.packets_of(int(block[0]))
            return rows, np.zeros(1, np.int64), np.full(1, len(rows))
        snapshot = self._overview.snapshot
        # A connection that is only mentioned, as a tunnel is, has -1 for its first packet.
        first = max(int(snapshot.connections.first_packet[block].min()), 0)
        last = int(snapshot.connections.last_packet[block].max())
        connection = snapshot.packets.connection[first : last + 1]
        wanted = np.zeros(len(snapshot.connections), np.bool_)
        wanted[block] = True
        seen_first = snapshot.packets.flags[first : last + 1] & np.uint16(Flag.SEEN_AGAIN) == 0
        rows = np.flatnonzero(wanted[connection] & seen_first) + first
        rows = rows[np.argsort(snapshot.packets.connection[rows], kind="stable")]
        owner = snapshot.packets.connection[rows]
        return rows, np.searchsorted(owner, block, side="left"), np.searchsorted(owner, block, side="right")


def _judged(case: Case, bits: int) -> list[Finding]:
    """What a closer look finds of the candidates."""
    found = [find(case) for bit, find in BY_BIT if bits & bit]
    return [each for each in found if each is not None]


def _told(found: list[Finding]) -> tuple[Finding, ...]:
    """The findings that are worth a sentence, the worst first."""
    if len(found) < 2:
        return tuple(found)
    codes = {each.code for each in found}
    explained = {code for cause in codes & EXPLAINED.keys() for code in EXPLAINED[cause]}
    told = [each for each in found if each.code not in explained]
    return tuple(sorted(told, key=lambda each: (-each.severity, -1 if each.packet is None else each.packet)))

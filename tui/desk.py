"""What is open and what is selected: one connection, one packet, one field, for all panels; and the views made of them.

No widget here. `build` may run on any thread: it takes a snapshot and gives frozen views of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analysis.finding import Severity
from analysis.gathered import gathered
from analysis.layers import Dissection, dissect
from analysis.snapshot import first_sighting, rows_of
from views.connections import ConnectionList
from views.explanation import neighbours
from views.ladder import Ladder
from views.layers import DEFAULT_FOLDED
from views.options import TimeFormat
from views.sighted import sightings
from views.timeline import Timeline
from views.verdicts import BAD, severities

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from analysis.causes import Cause
    from analysis.details import Detail
    from analysis.filtering import Filter, Matches
    from analysis.finding import Finding
    from analysis.findings import Findings
    from analysis.gathered import Gathered
    from analysis.learned import Learned
    from analysis.session import Session
    from analysis.snapshot import Snapshot
    from views.options import Options

NONE: Final = -1
LEARNED_UNASKED: Final = 10_000
"""Packets of a capture that is searched for causes without being asked: more would delay the first explanation."""
LATELY: Final = 4096
"""Packets, the last of a capture, among which the newest is looked for."""
NEAR_BY: Final = 1 << 18
"""Rows of the packet table that are looked at before and after a time."""
MANY: Final = 50
"""Connections: more than a list shows at once."""
CHOICES: Final[dict[str, tuple[Any, ...]]] = {
    "relative": (True, False),
    "time": tuple(TimeFormat),
    "two_rows": (False, True),
    "names": (False, True),
    "model": (7, 5, 4),
}


@dataclass(frozen=True, slots=True)
class Request:
    """What views are wanted of which snapshot."""

    snapshot: Snapshot
    connection: int
    options: Options
    unfolded: frozenset[int]
    connections: bool
    timeline: bool
    filter: Filter | None = None
    around: int = NONE  # the row whose neighbours are wanted of a capture that has no end
    found: Mapping[int, Sequence[Finding]] = field(default_factory=dict, compare=False)  # of connections, so far


@dataclass(frozen=True, slots=True)
class Scene:
    """Views of one snapshot; `packets` are those of the open connection, if one is open."""

    request: Request
    packets: Gathered | None
    ladder: Ladder | None
    connections: ConnectionList | None
    timeline: Timeline | None
    matches: Matches | None = None  # what the filter found, if there is one

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows of the open connection's packets."""
        return np.empty(0, np.int64) if self.packets is None else self.packets.rows

    @property
    def first_packet(self) -> int:
        """The first of these packets that a filter matches, if it matches any, else the first; there is one."""
        if self.matches is None or self.matches.packets is None:
            return int(self.rows[0])
        return int(self.rows[self.matches.packets[self.rows].argmax()])


@dataclass(frozen=True, slots=True)
class Looked:
    """Everything about one packet that was read for it; nothing if its bytes are `gone`."""

    packet: int
    data: bytes
    dissection: Dissection
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Explained:
    """What the explanation of one packet is made from: details of it and its neighbours, findings of its connection.

    `comments` are what somebody has noted on the packet in the capture, `causes` those in which the packet has a part.
    """

    details: dict[int, Detail]
    findings: tuple[Finding, ...]
    comments: tuple[str, ...]
    causes: tuple[Cause, ...] = ()


def build(session: Session, request: Request, before: Scene | None, cancelled: Callable[[], bool]) -> Scene:
    """Make the views of a request, keeping those of `before` that say the same. Any thread.

    A search of what packets carry, which a filter may want, ends when `cancelled` says so.
    """
    snapshot, options = request.snapshot, request.options
    unchanged = before is not None and before.request.snapshot is snapshot and before.request.filter == request.filter
    same = unchanged and before is not None and before.request.options == options
    matches = before.matches if unchanged and before is not None else None
    if request.filter is not None and (matches is None or not matches.complete):
        matches = request.filter.matches(snapshot, session.source, cancelled)
        snapshot.packets.let_go()  # a filter looks at all of a column
    only = matches.connections if matches is not None else None
    packets = ladder = None
    if request.connection != NONE:
        around = None
        if snapshot.bytes_total is None:
            first = int(snapshot.connections.first_packet[request.connection])
            around = first if request.around == NONE else request.around
        packets = gathered(snapshot, request.connection, before.packets if before is not None else None, around)
        matched = matches.packets if matches is not None else None
        ladder = Ladder(snapshot, packets, options, request.unfolded, matched)
    connections = before.connections if same and before is not None else None
    if request.connections and connections is None:
        alike = before.connections if before is not None else None
        connections = ConnectionList(snapshot, options, only=only, alike=alike, found=request.found)
    timeline = before.timeline if same and before is not None else None
    if request.timeline and timeline is None:
        order = np.flatnonzero(only & (snapshot.connections.first_packet >= 0)) if only is not None else None
        timeline = Timeline(snapshot, options, order=order)
        if before is not None and before.timeline is not None and before.request.snapshot is snapshot:
            timeline.window_ns = before.timeline.window_ns
    return Scene(request, packets, ladder, connections, timeline, matches)


def next_option(options: Options, name: str) -> Options:
    """The options with the next value of one of them, round and round: relative, time, two_rows or model."""
    values = CHOICES[name]
    after = values[(values.index(getattr(options, name)) + 1) % len(values)]
    return replace(options, **{name: after})


@dataclass(slots=True)
class Desk:
    """The selection and the person's wishes about what is shown."""

    session: Session
    name: str
    options: Options
    snapshot: Snapshot
    scene: Scene | None = None
    connection: int = NONE
    packet: int = NONE
    path: str = ""  # of the selected field: it stays selected in the next packet that has it
    unfolded: frozenset[int] = frozenset()
    folded: frozenset[str] = DEFAULT_FOLDED
    visited: dict[int, int] = field(default_factory=dict)  # connection: the packet that was selected in it
    findings: dict[int, tuple[Finding, ...]] = field(default_factory=dict)  # of connections that were looked at
    filter: Filter | None = None
    learned: Learned | None = None  # once somebody wanted to know; of a capture that grows, see `tui.learning`
    _asked: Findings | None = None

    def first_connection(self) -> int:
        """The connection of the first packet that has one."""
        column = self.snapshot.packets.connection
        known = np.flatnonzero(column[:4096] >= 0)
        return int(column[known[0]]) if len(known) else NONE

    @property
    def beyond(self) -> bool:
        """The selected packet is beyond those that were gathered of its connection, or near to where they end."""
        scene = self.scene
        gathered_ = scene.packets if scene is not None else None
        return gathered_ is not None and gathered_.connection == self.connection and not gathered_.holds(self.packet)

    def open(self, connection: int, packet: int = NONE) -> None:
        """Select a connection, and a packet of it: the one last selected there, unless told."""
        if NONE not in (self.connection, self.packet):
            self.visited[self.connection] = self.packet
        self.connection = connection
        self.packet = packet if packet != NONE else self.visited.get(connection, NONE)

    def look(self, packet: int) -> Looked:
        """Read and take apart one packet. Reads the capture, imports Scapy: never on the UI thread."""
        packets = self.snapshot.packets
        data = self.session.packet_bytes(packet)
        if len(data) < int(packets.captured_length[packet]):
            return Looked(packet, b"", Dissection((), ()), gone=True)
        link_type = self.session.link_type(packet)
        dissection = dissect(data, link_type, original_length=int(packets.original_length[packet]))
        return Looked(packet, data, dissection)

    def explain(self, packet: int) -> Explained:
        """Read what explains a packet of the open connection. Reads the capture: never on the UI thread."""
        rows = self.scene.rows if self.scene is not None else np.array([packet])
        same = sightings(self.snapshot, packet)
        told = np.union1d(neighbours(rows, packet), same)
        details = {detail.packet: detail for detail in self.session.details(told)}
        # A call that waited is noted on the last sighting: the one at the program's own end.
        noted = {packet, *same.tolist()}
        comments = tuple(each.text for each in self.session.source.comments if each.packet in noted)
        found = self._find(int(self.snapshot.packets.connection[packet]))
        if self.learned is None and self.snapshot.finished and len(self.snapshot.packets) <= LEARNED_UNASKED:
            self.learned = self.learn(self.snapshot)
        return Explained(details, found, comments, self.causes_of(packet))

    def causes_of(self, packet: int) -> tuple[Cause, ...]:
        """Causes in which a packet has a part, as far as they are known."""
        if self.learned is None or packet == NONE:
            return ()
        packet = first_sighting(self.snapshot, packet)
        return tuple(each for each in self.learned.causes if packet in (each.packet, each.opening, each.request))

    @property
    def grows(self) -> bool:
        """Packets still come, or have come until now without that anybody knew how many."""
        return not self.snapshot.finished or self.snapshot.bytes_total is None

    def learn(self, snapshot: Snapshot, around: int = NONE, most: int | None = None) -> Learned:
        """What a capture tells of names, neighbours, requests and causes. Reads it: never on the UI thread.

        Of one that grows, `most` packets `around` one; unless told, as many as of a whole capture, up to the newest. Of
        a file, all or the first of too many, or those around a packet.
        """
        from analysis.learned import MOST, learn  # noqa: PLC0415 - the first screen does not wait for it

        reading = self.session.at_rest(snapshot)
        if around == NONE and snapshot.finished and snapshot.bytes_total is not None:
            return learn(reading)
        return learn(reading, len(snapshot.packets) if around == NONE else around, most or MOST)

    def find(self, connections: NDArray[np.int64]) -> None:
        """Look for findings about connections (rows, ascending), once the capture is read. Never on the UI thread."""
        if self.snapshot.finished:
            from analysis.findings import Findings  # noqa: PLC0415 - the first screen does not wait for it

            self._asked = self._asked or Findings(self.session)
            self.findings.update(self._asked.of_each(connections))

    def _find(self, connection: int) -> tuple[Finding, ...]:
        """The findings about a connection; none before the capture is read, since any packet may change them."""
        if not self.snapshot.finished or connection == NONE:
            return ()
        if connection not in self.findings:
            self.find(np.array([connection], np.int64))
        return self.findings[connection]

    @property
    def found(self) -> tuple[Finding, ...]:
        """The findings about the open connection, as far as they are known."""
        return self.findings.get(self.connection, ())

    @property
    def troubles(self) -> list[int]:
        """Its packets (rows) that show errors or warnings about the open connection.

        What another one's packet shows, as an ICMP message, is told of, but not gone to as if it were its own.
        """
        shown = (each.packet for each in self.found if each.severity > Severity.NOTE)
        packets = [first_sighting(self.snapshot, packet) for packet in shown if packet is not None]
        return [packet for packet in packets if self.snapshot.packets.connection[packet] == self.connection]

    def next_connection(self, by: int) -> int:
        """The connection `by` places on, in the list's order if there is a list; those without packets are left out."""
        listed = self.scene.connections if self.scene is not None else None
        if listed is not None:
            index = listed.index_of(self.connection) + by
            found = listed.connection_at(index) if 0 <= index < len(listed) else None
            return self.connection if found is None else found
        shown = self.snapshot.connections.first_packet >= 0
        if self.scene is not None and self.scene.matches is not None:
            matched = self.scene.matches.connections
            shown = shown[: len(matched)] & matched
        rows = np.flatnonzero(shown)
        place = int(np.searchsorted(rows, self.connection, "right" if by > 0 else "left")) + (by - 1 if by > 0 else by)
        return int(rows[place]) if 0 <= place < len(rows) else self.connection

    def worst(self) -> tuple[int, int] | None:
        """Of many connections the first that went wrong, if the open one did not; and NONE, for its first packet.

        A few are a story, which begins at its beginning.
        """
        grade = severities(self.snapshot.connections)
        if len(grade) < MANY or (0 <= self.connection < len(grade) and grade[self.connection] == BAD):
            return None
        shown = (grade == BAD) & (self.snapshot.connections.first_packet >= 0)
        if self.scene is not None and self.scene.matches is not None:
            shown &= self.scene.matches.connections
        return (int(shown.argmax()), NONE) if shown.any() else None

    def newest_packet(self) -> int | None:
        """The last packet that has a connection and passes the filter; None: none among the last few thousand does."""
        scene = self.scene
        matches = scene.matches if scene is not None else None
        snapshot = scene.request.snapshot if scene is not None and matches is not None else self.snapshot
        first = max(len(snapshot.packets) - LATELY, 0)
        connection = snapshot.packets.connection[first:]
        shown = connection != NONE
        if matches is not None:
            shown &= matches.connections[connection] if matches.packets is None else matches.packets[first:]
        known = np.flatnonzero(shown)
        return first_sighting(snapshot, first + int(known[-1])) if len(known) else None

    def packet_at_time(self, time_ns: int) -> int:
        """The first packet at or after a time, else the last one; NONE if there is none."""
        times = self.snapshot.packets.time_ns
        return min(int(np.searchsorted(times, time_ns)), len(times) - 1)

    def packet_in_time(self, connection: int, time_ns: int) -> int:
        """A connection's first packet at or after a time, else the last one before it.

        Looked for near by, since the screen waits for it: of one that was silent for long, the last packet.
        """
        snapshot, here = self.snapshot, self.packet_at_time(time_ns)
        for begin, place in ((here, 0), (max(here - NEAR_BY, 0), -1)):
            rows = rows_of(snapshot, connection, begin, begin + NEAR_BY)
            if len(rows):
                return int(rows[place])
        first, last = (getattr(snapshot.connections, name)[connection] for name in ("first_packet", "last_packet"))
        return int(first) if here < first else min(int(last), len(snapshot.packets) - 1)

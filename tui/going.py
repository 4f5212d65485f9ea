"""Ways to another packet: a place that was typed, a step, trouble, a time; and what has to be unfolded on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.goto import NotUnderstoodError, parse
from views.options import TimeFormat

if TYPE_CHECKING:
    from tui.director import Director


class Going:
    """One for a session. What is selected then, the director tells all panels."""

    def __init__(self, director: Director) -> None:
        self._director = director
        self._stage, self._desk = director.stage, director.desk

    def go(self, text: str) -> None:
        """Go to a place that was typed, or say why not."""
        packets, connections = self._desk.snapshot.packets, self._desk.snapshot.connections
        if not len(packets):
            return
        try:
            place = parse(text, int(packets.time_ns[0]), utc=self._desk.options.time is TimeFormat.UTC)
        except NotUnderstoodError as error:
            self._director.say(str(error))
            return
        if place.time_ns is not None:
            self._director.go_to(self._desk.packet_at_time(place.time_ns))
        elif place.packet is not None and 1 <= place.packet <= len(packets):
            self._director.go_to(place.packet - 1)
        elif place.connection is not None and place.connection < len(connections):
            self._director.open(place.connection)
        else:
            start = "Packets" if self._desk.snapshot.finished else "So far packets"
            self._director.say(f"{start} go from 1 to {len(packets)}, connections from 0 to {len(connections) - 1}.")

    def step(self, by: int) -> None:
        """The next or previous packet of the connection, unfolded."""
        ladder = self._stage.ladder.ladder
        if ladder is not None:
            self.unfold_to(ladder.step(self._desk.packet, by))

    def trouble(self, by: int) -> None:
        """The next or previous trouble of the connection."""
        ladder = self._stage.ladder.ladder
        found = ladder.trouble(self._desk.packet, by, self._desk.troubles) if ladder is not None else None
        if found is None:
            self._director.say("No more trouble in this direction.")
        else:
            self._director.select(found)

    def go_in_time(self, connection: int, time_ns: int) -> None:
        """A connection, at a time."""
        self._director.following.leave()
        self._director.open(connection, self._desk.packet_in_time(connection, time_ns))

    def unfold_to(self, packet: int) -> None:
        """Select a packet and unfold the line that hides it."""
        ladder = self._stage.ladder.ladder
        if ladder is None:
            return
        line = ladder.index_of(packet)
        fold = ladder.fold_at(line)
        if fold is not None and fold not in self._desk.unfolded:
            self._desk.unfolded |= {fold}
            self._desk.packet = packet
            self._director.rebuild()
            self._stage.show_packet()
            self._director.looking.look()
        else:
            self._director.select(packet)

    def toggle_fold(self, index: int) -> None:
        """Unfold a line of the ladder, or fold what was unfolded."""
        ladder = self._stage.ladder.ladder
        fold = ladder.fold_at(index) if ladder is not None else None
        if fold is not None:
            self._desk.unfolded ^= {fold}
            self._director.rebuild()

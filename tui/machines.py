"""Opens and closes the ladder of machines, and keeps it with the selected packet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from analysis.machines_together import together
from tui.desk import LEARNED_UNASKED, NONE
from tui.fetch import Fetch
from tui.learning import ASKED
from views.machines import MachineLadder

if TYPE_CHECKING:
    from analysis.learned import Learned
    from analysis.snapshot import Snapshot
    from tui.director import Director

SEARCHING: Final = "Looking for what belongs together …"


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which snapshot the ladder is wanted, for which connection, and which packet of it is selected."""

    snapshot: Snapshot
    connection: int
    packet: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A ladder of machines that a thread made, and what it was made of."""

    asked: Asked
    learned: Learned
    ladder: MachineLadder


class MachineRoom:
    """One for a session. While it is open, it stands in the ladder's place."""

    def __init__(self, director: Director) -> None:
        self._director = director
        self._stage, self._desk = director.stage, director.desk
        self._picture: Picture | None = None
        self._unfolded: frozenset[int] = frozenset()
        self._came_from = (NONE, NONE)
        self._fetch: Fetch[Asked, Picture] = Fetch(self._gather, self._show, director.say)

    @property
    def busy(self) -> bool:
        """A thread is at work."""
        return self._fetch.busy

    @property
    def open(self) -> bool:
        """It is on screen."""
        return self._director.wishes.machines

    def toggle(self) -> None:
        """Show the machines of the open connection, or the ladder again."""
        desk = self._desk
        if self.open:
            self.leave()
        elif NONE not in (desk.connection, desk.packet):
            asked = Asked(desk.snapshot, desk.connection, desk.packet)
            takes_long = len(desk.snapshot.packets) > LEARNED_UNASKED and (desk.learned is None or not desk.grows)
            if takes_long and self._learns(asked):
                self._director.say(SEARCHING)
            self._fetch.ask(self._director.app, asked)

    def _learns(self, asked: Asked) -> bool:
        """Whether more has to be learned for a ladder than is known: of a file, all that may be."""
        from analysis.learned import MOST  # noqa: PLC0415 - the first screen does not wait for it

        desk, learned = self._desk, self._desk.learned
        if learned is None or learned.until < len(asked.snapshot.packets) or not learned.covers(asked.packet):
            return True
        return not desk.grows and learned.part is not None and learned.most < MOST

    def _gather(self, asked: Asked) -> Picture:
        """Read what belongs together: on a thread."""
        from analysis.learned import tells_much  # noqa: PLC0415 - as above

        desk, learned = self._desk, self._desk.learned
        if learned is None or self._learns(asked):
            around = asked.packet if desk.grows or tells_much(asked.snapshot) else NONE
            learned = desk.learn(asked.snapshot, around, ASKED if desk.grows else None)
        return self._made(asked, learned)

    def _made(self, asked: Asked, learned: Learned) -> Picture:
        reading = self._desk.session.at_rest(asked.snapshot)
        story = together(reading, learned, asked.connection, asked.packet)
        return Picture(asked, learned, MachineLadder(reading.snapshot, story, self._desk.options, self._unfolded))

    def picture(self, snapshot: Snapshot, learned: Learned, packet: int) -> Picture:
        """A newer one of the same story: on a thread."""
        return self._made(Asked(snapshot, self._came_from[0], packet), learned)

    def _show(self, asked: Asked, picture: Picture) -> None:
        if self._stage.said == SEARCHING:
            self._director.say("")
        follows = self._director.following.follows
        if asked.connection != self._desk.connection and not follows:
            return  # another was opened meanwhile
        self._desk.learned = picture.learned
        self._came_from = (asked.connection, asked.packet)
        self._unfolded = frozenset()
        self._take(picture)
        self._director.wish(replace(self._director.wishes, machines=True, maximised=None))
        self._stage.machines.focus()
        if follows:
            self._follow_newest()

    def _take(self, picture: Picture) -> None:
        self._picture = picture
        ladder = picture.ladder
        if (ladder.options, ladder.unfolded) != (self._desk.options, self._unfolded):
            self.draw()  # somebody has folded or chosen otherwise meanwhile
        else:
            self._stage.machines.show_machines(ladder, self._desk.packet)

    def renew(self, picture: Picture) -> None:
        """Packets have come. The selected one stays selected where it was, or the newest is followed."""
        if not self.open or picture.asked.connection != self._came_from[0]:
            return
        follows, ladder = self._director.following.follows, picture.ladder
        if not follows and ladder.index_of(self._desk.packet) is None:
            return  # it was made around another packet: one around this one is on its way
        self._take(picture)
        if follows:
            self._follow_newest()

    def _follow_newest(self) -> None:
        newest = self.newest
        if newest is not None and newest != self._desk.packet:
            self._director.show_newest(newest)

    @property
    def newest(self) -> int | None:
        """The last packet that it shows, while it is open."""
        ladder = self._stage.machines.ladder
        return ladder.last_packet if self.open and ladder is not None else None

    def draw(self) -> None:
        """Make the view anew, with the present options."""
        if self._picture is not None:
            desk, before = self._desk, self._picture
            view = MachineLadder(before.ladder.snapshot, before.ladder.story, desk.options, self._unfolded)
            self._picture = replace(before, ladder=view)
            self._stage.machines.show_machines(view, desk.packet)

    def reach(self, index: int) -> None:
        """The cursor is on a line: its packet is selected, whatever connection it belongs to."""
        ladder = self._stage.machines.ladder
        packet = None if ladder is None else ladder.packet_at(index)
        if packet is not None and (ladder is None or ladder.index_of(self._desk.packet) != index):
            self._director.go_to(packet)

    def enter(self, index: int) -> None:
        """Unfold or fold a line, or show its packet in its own ladder."""
        ladder = self._stage.machines.ladder
        fold = None if ladder is None else ladder.fold_at(index)
        if fold is None:
            self._close()
        else:
            self._unfolded ^= {fold}
            self.draw()

    def keep(self, connection: int) -> None:
        """Another connection is opened: it may have no place in this story."""
        shown = self._stage.machines.ladder
        if self.open and shown is not None and connection not in shown.story.connections:
            self._close()

    def follow(self, packet: int) -> None:
        """Another packet is selected: of a connection that is kept open, most have no place in this story."""
        ladder = self._stage.machines.ladder
        if self.open and ladder is not None and ladder.index_of(packet) is None:
            self._close()

    def leave(self) -> bool:
        """Back to the ladder and the packet that it was opened from; False if it is not open."""
        if not self.open:
            return False
        connection, packet = self._came_from
        self._close()
        if not self._director.following.follows:
            self._director.open(connection, packet)
        return True

    def _close(self) -> None:
        self._director.wish(replace(self._director.wishes, machines=False, maximised=None))
        self._stage.ladder.focus()

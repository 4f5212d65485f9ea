"""Opens and closes the ladder of machines, and keeps it with the selected packet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from analysis.learned import learn
from analysis.machines_together import Together, together
from tui.desk import LEARNED_UNASKED, NONE
from tui.fetch import Fetch
from views.machines import MachineLadder

if TYPE_CHECKING:
    from tui.director import Director

SEARCHING: Final = "Looking for what belongs together …"


class MachineRoom:
    """One for a session. While it is open, it stands in the ladder's place."""

    def __init__(self, director: Director) -> None:
        self._director = director
        self._stage, self._desk = director.stage, director.desk
        self._story: Together | None = None
        self._unfolded: frozenset[int] = frozenset()
        self._came_from = (NONE, NONE)
        self._fetch: Fetch[int, Together] = Fetch(self._gather, self._show, director.say)

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
        if self.open:
            self.leave()
        elif not self._desk.snapshot.finished:
            self._director.say("The machines can be shown once the capture has been read.")
        elif self._desk.connection != NONE:
            if self._desk.learned is None and len(self._desk.snapshot.packets) > LEARNED_UNASKED:
                self._director.say(SEARCHING)
            self._fetch.ask(self._director.app, self._desk.connection)

    def _gather(self, connection: int) -> Together:
        """Read what belongs together: on a thread."""
        if self._desk.learned is None:
            self._desk.learned = learn(self._desk.session)
        return together(self._desk.session, self._desk.learned, connection)

    def _show(self, connection: int, story: Together) -> None:
        if self._stage.said == SEARCHING:
            self._director.say("")
        if connection != self._desk.connection:
            return  # another was opened meanwhile
        self._story, self._unfolded = story, frozenset()
        self._came_from = (connection, self._desk.packet)
        self.draw()
        self._director.wish(replace(self._director.wishes, machines=True, maximised=None))
        self._stage.machines.focus()

    def draw(self) -> None:
        """Make the view anew, with the present options."""
        if self._story is not None:
            desk = self._desk
            view = MachineLadder(desk.snapshot, self._story, desk.options, self._unfolded)
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
        if self.open and self._story is not None and connection not in self._story.connections:
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
        self._director.open(connection, packet)
        return True

    def _close(self) -> None:
        self._director.wish(replace(self._director.wishes, machines=False, maximised=None))
        self._stage.ladder.focus()

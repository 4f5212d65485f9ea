"""What happens when: the newest snapshot becomes a scene, a selection reaches every panel.

Reading, dissecting and making views of large captures are done by threads (`tui.fetch`); everything here runs on the
UI thread and returns at once.
"""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Final

from analysis.snapshot import first_sighting
from tui.copying import selected_text
from tui.desk import NONE, Desk, Request, Scene, build
from tui.fetch import Fetch
from tui.filtering import Filtering
from tui.following import Following
from tui.going import Going
from tui.layout import Pane, Wishes
from tui.learning import Learning
from tui.looking import Looking
from tui.machines import MachineRoom
from tui.panels.progress import Rate, notice_lines
from tui.player import Player
from tui.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App

    from analysis.session import Session
    from tui.scrolling import Scrolling
    from views.options import Options

LARGE: Final = 30_000
"""Packets from which on views are made in a thread: below, that takes less time than a frame."""
REBUILD_SECONDS: Final = 0.25
"""A growing capture is shown anew at most this often, and never for more than a tenth of the time."""


class Director:
    """One for a session. `now` returns seconds of a monotonic clock."""

    def __init__(
        self, app: App[int], desk: Desk, now: Callable[[], float] = monotonic, following: Following | None = None
    ) -> None:
        self.app, self.desk, self.now = app, desk, now
        self.following = following or Following(desk, None, follows=False)
        self.session: Session = desk.session
        self.stage = Stage(desk, self.following)
        self.wishes = Wishes()
        self.filtering = self.stage.filtering = Filtering(app, desk, self._notice, self.say)
        self.looking = Looking(app, desk, self.stage, lambda: self.wishes.explain, self.say)
        self.player = Player(desk, self.stage, now, self.looking.look)
        self.machines = MachineRoom(self)
        self.going = Going(self)
        self.learning = Learning(self)
        self._rate = Rate()
        self._rebuild_at = 0.0
        self._read_whole = False
        self._scenes = Fetch(self._build, self._show_scene, self.say)

    @property
    def busy(self) -> bool:
        """A thread is at work, or there is something newer to show."""
        parts = (self._scenes, self.looking, self.filtering, self.machines, self.learning)
        return any(part.busy for part in parts) or self.session.snapshot is not self.desk.snapshot

    # reading

    def poll(self) -> bool:
        """Show what has been read since the last time; False once there is nothing more to come."""
        snapshot = self.session.snapshot
        if snapshot is not self.desk.snapshot or self.desk.scene is None:
            now = self.now()
            self._rate.seen(now, len(snapshot.packets))
            self.stage.rate = self._rate.per_second
            due = self.desk.connection == NONE or snapshot.finished or now >= self._rebuild_at
            if due and not self.following.frozen and not self._scenes.busy:
                self.desk.snapshot = snapshot
                self._rebuild_at = now + REBUILD_SECONDS
                self.rebuild()
            self.arrange()
            self.stage.notice.redraw()
        elif self.following.changed:
            self.stage.notice.redraw()
        self.learning.look()
        return not (snapshot.finished and self.desk.snapshot is snapshot and self.desk.scene is not None)

    def rebuild(self) -> None:
        """Make the views that are on screen anew, of the newest snapshot and with the present options."""
        if self.desk.connection == NONE:
            self.desk.connection = self.desk.first_connection()
        request = self._request()
        if len(request.snapshot.packets) > LARGE or (request.filter is not None and request.filter.reads):
            self._scenes.ask(self.app, request)
        else:
            self._show_scene(request, self._build(request))

    def _request(self) -> Request:
        desk, stage = self.desk, self.stage
        listed, timed = stage.showing(Pane.CONNECTIONS), stage.showing(Pane.TIMELINE)
        wanted = (desk.snapshot, desk.connection, desk.options, desk.unfolded, listed, timed, desk.filter)
        around = len(desk.snapshot.packets) if self.following.follows else desk.packet
        return Request(*wanted, around, desk.findings)

    def _build(self, request: Request) -> Scene:
        started = self.now()
        scene = build(self.session, request, self.desk.scene, lambda: self.desk.filter != request.filter)
        self._rebuild_at = max(self._rebuild_at, self.now() + 10 * (self.now() - started))
        return scene

    def _show_scene(self, request: Request, scene: Scene) -> None:
        desk = self.desk
        if request.connection != desk.connection or request.filter != desk.filter:
            return  # another was opened meanwhile, or filtered otherwise: its scene is on its way
        opened = desk.scene is None or desk.scene.request.connection != desk.connection
        moved = desk.scene is not None and desk.scene.rows[:1].tolist() != scene.rows[:1].tolist()
        if desk.packet == NONE and len(scene.rows):
            desk.packet = scene.first_packet
        self.stage.show_scene(scene)
        self.player.load(anew=opened or moved)
        if opened:
            self.following.arrive(scene)
        self._follow(scene)
        place = self.filtering.place(scene)
        at_the_end = request.snapshot.finished and not self._read_whole
        self._read_whole = request.snapshot.finished
        if opened or at_the_end or self.stage.explained != desk.packet:
            self.looking.look()  # at the end too: what follows a packet, and how many there are, is known only then
            self.learning.look()
        if place is None and at_the_end and self._untouched:
            place = desk.worst()
        if place is not None:
            self.open(*place)

    @property
    def _untouched(self) -> bool:
        """Whether everything is as it was when the capture was opened: nobody has moved yet."""
        desk, wishes, playback = self.desk, self.wishes, self.stage.playback
        asked = wishes.maximised or wishes.layers or wishes.bytes is not None or wishes.connections is not None
        plays = playback is not None and playback.active
        first = desk.scene is not None and len(desk.scene.rows) > 0 and desk.packet == desk.scene.first_packet
        at_first = self.following.follows or (first and desk.connection == desk.first_connection())
        at_first = at_first and self.app.focused is self.stage.ladder
        return at_first and not (asked or plays or desk.unfolded or self.following.feed)

    def filter(self, text: str) -> None:
        """Show only what matches a filter; with an empty one, everything again."""
        self.following.leave()
        self.filtering.set(text)
        self.rebuild()
        self._notice()

    def _notice(self) -> None:
        """The lines above the keys say something else."""
        self.arrange()
        self.stage.notice.redraw()

    def _follow(self, scene: Scene) -> None:
        """Go on to the newest packet, if that is wanted."""
        newest = None if self.machines.open else self.following.newest(scene)
        if newest is not None and newest != self.desk.packet:
            self.show_newest(newest)

    def show_newest(self, packet: int) -> None:
        """Go on to a packet without ceasing to follow."""
        connection = int(self.desk.snapshot.packets.connection[packet])
        if connection == self.desk.connection:
            self._go_on_to(packet)
        else:
            self.open(connection, packet)
            self.following.follows = True

    def follow_newest(self) -> None:
        """The newest packet of the capture, and whatever comes after it in its connection."""
        self.following.follows, self.following.frozen = True, False
        packet = self.machines.newest if self.machines.open else self.desk.newest_packet()
        if packet is not None:
            self.show_newest(packet)
        self._rebuild_at = 0.0
        self.stage.notice.redraw()

    # selecting

    def open(self, connection: int, packet: int = NONE) -> None:
        """Another connection for all panels; of the open one, another packet."""
        if connection == self.desk.connection:
            if packet != NONE:
                self.select(packet)
            return
        self.following.leave()
        self.machines.keep(connection)
        self.desk.open(connection, packet)
        self.stage.connections.go_to_connection(connection)
        self.rebuild()

    def select(self, packet: int) -> None:
        """Another packet of the open connection for all panels."""
        if packet in (self.desk.packet, NONE):
            return
        self.following.leave()
        self.stage.notice.redraw()
        self._go_on_to(packet)

    def _go_on_to(self, packet: int) -> None:
        self.desk.packet = packet
        self.machines.follow(packet)
        if self.desk.beyond:
            self.rebuild()
        self.player.seek()
        self.stage.show_packet()
        self.looking.look()
        self.learning.look()

    def go_to(self, packet: int) -> None:
        """Any packet of the capture, unfolding nothing; one that was seen several times, where it was seen first."""
        packet = first_sighting(self.desk.snapshot, packet)
        connection = int(self.desk.snapshot.packets.connection[packet])
        if connection in (NONE, self.desk.connection):
            self.select(packet)
        else:
            self.open(connection, packet)

    def set_options(self, options: Options) -> None:
        """The person wants things shown in another way."""
        self.desk.options = options
        self.machines.draw()
        self.rebuild()
        self.looking.look()

    def inspect(self, osi: int) -> None:
        """Bring an OSI layer of the selected packet on screen."""
        if not self.stage.showing(Pane.LAYERS):
            self.wish(replace(self.wishes, layers=True, bytes=None, maximised=None))
        self.stage.layers.focus()
        self.looking.go_to_layer(osi)

    def reach_line(self, view: Scrolling, index: int) -> None:
        """The cursor of a pane is on another line."""
        if view is self.stage.ladder:
            packet = self.stage.ladder.ladder.packet_at(index) if self.stage.ladder.ladder is not None else None
            self.select(NONE if packet is None else packet)
        elif view is self.stage.machines:
            self.machines.reach(index)
        elif view is self.stage.layers:
            self.looking.choose_field(self.stage.layers.field_at(index))

    def open_line(self, view: Scrolling, index: int) -> None:
        """What Enter does on a line of a pane."""
        if view is self.stage.ladder:
            self.going.toggle_fold(index)
        elif view is self.stage.machines:
            self.machines.enter(index)
        elif view is self.stage.layers:
            self.looking.toggle_layer(index)
        elif view is self.stage.timeline and self.stage.timeline.timeline is not None:
            self.open(self.stage.timeline.timeline.connection_at(index) or 0)
        elif view is self.stage.connections and self.stage.connections.chosen is not None:
            self.open(self.stage.connections.chosen)
            if not self.stage.showing(Pane.LADDER):
                self.wish(replace(self.wishes, connections=None, maximised=None))
            self.stage.ladder.focus()

    def copy(self) -> None:
        """Copy what is selected."""
        text = selected_text(self.stage, self.app.focused)
        self.app.copy_to_clipboard(text)
        self.say(f"Copied: {text}")

    # where panes are

    def wish(self, wishes: Wishes) -> None:
        """The person asked for other panes."""
        self.wishes = wishes
        self.arrange()
        self.rebuild()
        self.looking.look()

    def toggle_bytes(self) -> None:
        """Bytes on or off."""
        shown = self.stage.showing(Pane.BYTES)
        self.wish(replace(self.wishes, bytes=not shown, layers=False, maximised=None))

    def next_explanation(self) -> None:
        """Short, full, off."""
        self.wish(replace(self.wishes, explain=self.wishes.explain.next))

    def list_connections(self) -> None:
        """To the list of connections, or from it back to the ladder."""
        listed = self.stage.connections.has_focus
        self.wish(replace(self.wishes, connections=not listed, maximised=None))
        (self.stage.ladder if listed else self.stage.connections).focus()

    def maximise(self) -> None:
        """The focused pane alone, or all again."""
        pane = None if self.wishes.maximised else Pane(self.stage.focused_pane)
        self.wish(replace(self.wishes, maximised=pane))

    def arrange(self) -> None:
        """Give every pane its place at the present size."""
        snapshot = self.desk.snapshot
        notice = len(notice_lines(self.stage, self.app.size.width))
        lanes = len(snapshot.connections)
        self.wishes = replace(self.wishes, many=lanes > 1, lanes=lanes, notice=notice)
        self.stage.arrange(*self.app.size, self.wishes)

    def say(self, sentence: str) -> None:
        """A notice that stays until Esc; an empty one ends it."""
        self.stage.said = sentence
        self._notice()

    def back(self, *, cancels: bool = True) -> bool:
        """Undo the newest of what was asked for; False if there is nothing left but to quit.

        `cancels`: reading that still goes on is something to undo.
        """
        wishes, playback = self.wishes, self.stage.playback
        asked = wishes.maximised or wishes.layers or (wishes.bytes and not self.stage.showing(Pane.LAYERS))
        if self.stage.said:
            self.say("")
        elif asked:
            self.wish(replace(wishes, maximised=None, layers=False, bytes=None if wishes.bytes else wishes.bytes))
        elif self.machines.leave():
            pass
        elif wishes.connections:
            self.wish(replace(wishes, connections=None))
        elif playback is not None and playback.active:
            self.player.stop()
        elif self.desk.filter is not None:
            self.filter("")
        elif cancels and self.following.feed is None and not self.desk.snapshot.finished:
            self.session.cancel()
        elif self.app.focused is not self.stage.ladder:
            self.stage.ladder.focus()
        else:
            return False
        return True

"""The application: keys and messages come in, the director acts on them. Nothing is drawn or decided here."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.worker import Worker, WorkerState

from tui.actions import Actions
from tui.asking import FilterInput, LineInput, goto_input, save_input
from tui.bindings import bindings_of
from tui.desk import Desk
from tui.director import Director
from tui.fetch import Fetch
from tui.following import Following
from tui.lineview import LineView
from tui.palette import Palette
from tui.panels.bar import Bar
from tui.panels.bytes import BytesPanel
from tui.panels.connections import ConnectionsPanel
from tui.panels.ladder import LadderPanel
from tui.panels.status import keys_line
from tui.panels.timeline import TimelinePanel
from tui.styles import PALETTES, first_theme, themes
from tui.terminal import colours, end_on_request
from views.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.events import DescendantFocus, Resize

    from analysis.session import Session
    from capture.live.feed import Feed

TICK: Final = 1 / 30


class NetvizApp(Actions):
    """Shows a session. `name` is what the capture is called on screen, `now` a monotonic clock in seconds.

    `feed` is the live capture that the session reads, if it is one; `wanted` is the filter to begin with.
    """

    CSS_PATH = "app.tcss"
    COMMANDS: ClassVar = {Palette}
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("app")

    def __init__(
        self,
        session: Session,
        name: str,
        *,
        ascii: bool = False,  # noqa: A002 - the option's name
        now: Callable[[], float] = monotonic,
        feed: Feed | None = None,
        wanted: str | None = None,
    ) -> None:
        # Textual takes NO_COLOR out of its environment, and picks the filter for it by `ansi_color`.
        theme = first_theme(os.environ, colours(os.environ))
        super().__init__(ansi_color=None if (PALETTES[theme].background or "").startswith("#") else True)
        for known in themes():
            self.register_theme(known)
        self.theme = theme
        desk = Desk(session, name, Options(ascii=ascii), session.snapshot)
        self.director = Director(self, desk, now, Following(desk, feed, follows=feed is not None))
        if wanted is not None:
            self.director.filtering.set(wanted)
        self.desk, self.stage = self.director.desk, self.director.stage
        say = self.director.say
        self._saves = Fetch(self.director.following.save, lambda _, told: say(told), say)
        self.goto, self.saving, self.filter_line = goto_input(), save_input(), FilterInput()

    def compose(self) -> ComposeResult:
        """All panes; the layout shows those that have a place."""
        yield self.stage.panes
        yield self.goto
        yield self.saving
        yield self.filter_line

    def on_mount(self) -> None:
        """Show what there is, then follow the reader."""
        end_on_request(self.exit)
        self.director.arrange()
        self.stage.ladder.focus()
        self._poller = self.set_interval(TICK, self._poll)
        self.player_timer = self.set_interval(TICK, self._tick, pause=True)
        self._poll()
        self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        """The first screen is there: from now on long pauses of the garbage collector would be seen."""
        self.desk.session.release()
        gc.collect()
        gc.freeze()
        # Strips make reference cycles, so collection stays on, in small steps; all of it takes some milliseconds, and
        # once a minute or so it has to be, or a live capture would take more and more memory.
        gc.set_threshold(5000, 10, 10)
        self.director.looking.painted = True
        self.director.looking.look()
        self.director.learning.look()

    def _poll(self) -> None:
        if not self.director.poll():
            self._poller.pause()

    def _tick(self) -> None:
        if not self.director.player.tick():
            self.player_timer.pause()

    # messages

    def on_resize(self, event: Resize) -> None:
        """Other panes may have a place now: `size` is the new one only after this event."""
        del event
        self.call_next(self._resized)

    def _resized(self) -> None:
        self.director.wish(self.director.wishes)
        if self.focused is None or not self.focused.display:
            self._focus_home()

    def _focus_home(self) -> None:
        self.stage.home.focus()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """The line of keys is about the focused pane."""
        if isinstance(event.widget, LineView) and event.widget in self.stage.widgets:  # and not in a dialog
            self.stage.focused_pane = str(event.widget.id)
            self.stage.keys.redraw()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """An error of ours in a worker: say so and go on."""
        if event.state is WorkerState.ERROR:
            self.director.say(f"This could not be shown: {event.worker.error!r}")

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        """A cursor is on another line."""
        self.director.reach_line(event.view, event.index)

    def on_line_view_opened(self, event: LineView.Opened) -> None:
        """Enter or a double click."""
        self.director.open_line(event.view, event.index)

    @on(TimelinePanel.Chosen)
    def _time_chosen(self, event: TimelinePanel.Chosen) -> None:
        self.director.going.go_in_time(event.connection, event.time_ns)

    @on(BytesPanel.Chosen)
    def _byte_chosen(self, event: BytesPanel.Chosen) -> None:
        self.director.looking.choose_byte(event.offset)

    @on(LadderPanel.Missing)
    def _details_missing(self, event: LadderPanel.Missing) -> None:
        self.director.looking.details_wanted(event.packets)

    @on(ConnectionsPanel.Missing)
    def _findings_missing(self, event: ConnectionsPanel.Missing) -> None:
        self.director.looking.findings_wanted(event.connections)

    @on(Bar.Pressed, "#keys")
    def _key_pressed(self, event: Bar.Pressed) -> None:
        places = keys_line(self.stage.focused_pane, self.size.width)[1]
        key = next((key for cells, key in places if event.column in cells), None)
        if key is not None:
            self.simulate_key(key)

    @on(LineInput.Asked)
    def _asked(self, event: LineInput.Asked) -> None:
        self._focus_home()
        if event.asker is self.goto:
            self.action_go_to(event.text)
        elif event.asker is self.filter_line:
            self.director.filter(event.text)
        elif event.text.strip():
            self._saves.ask(self, Path(event.text.strip()).expanduser())

    @on(FilterInput.Typed)
    def _filter_typed(self, event: FilterInput.Typed) -> None:
        self.director.filtering.judge(event.text)

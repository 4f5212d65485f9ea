"""The application: keys and messages come in, the director acts on them. Nothing is drawn or decided here."""

from __future__ import annotations

import gc
import os
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.app import App
from textual.worker import Worker, WorkerState

from tui.asking import GotoInput
from tui.bindings import bindings_of
from tui.desk import Desk, next_option
from tui.director import Director
from tui.help import HelpScreen
from tui.lineview import LineView
from tui.palette import Palette
from tui.panels.bar import Bar
from tui.panels.bytes import BytesPanel
from tui.panels.ladder import LadderPanel
from tui.panels.status import keys_line
from tui.panels.timeline import TimelinePanel
from tui.styles import CONTRAST, DARK, LIGHT, PALETTES, first_theme, themes
from tui.terminal import colours, end_on_request
from views.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.events import DescendantFocus, Resize

    from analysis.session import Session

TICK: Final = 1 / 30
THEMES: Final = (DARK, LIGHT, CONTRAST)


class NetvizApp(App[int]):
    """Shows a session. `name` is what the capture is called on screen, `now` a monotonic clock in seconds."""

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
    ) -> None:
        # Textual takes NO_COLOR out of its environment, and picks the filter for it by `ansi_color`.
        theme = first_theme(os.environ, colours(os.environ))
        super().__init__(ansi_color=None if (PALETTES[theme].background or "").startswith("#") else True)
        for known in themes():
            self.register_theme(known)
        self.theme = theme
        self.director = Director(self, Desk(session, name, Options(ascii=ascii), session.snapshot), now)
        self.desk, self.stage = self.director.desk, self.director.stage
        self.goto = GotoInput()

    def compose(self) -> ComposeResult:
        """All panes; the layout shows those that have a place."""
        yield self.stage.panes
        yield self.goto

    def on_mount(self) -> None:
        """Show what there is, then follow the reader."""
        end_on_request(self.exit)
        self.director.arrange()
        self.stage.ladder.focus()
        self._poller = self.set_interval(TICK, self._poll)
        self._player = self.set_interval(TICK, self._tick, pause=True)
        self._poll()
        self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        """The first screen is there: from now on long pauses of the garbage collector would be seen."""
        self.desk.session.release()
        gc.collect()
        gc.freeze()
        # Strips make reference cycles, so collection stays on, in small steps.
        gc.set_threshold(5000, 20, 100)
        self.director.painted = True
        self.director.look()

    def _poll(self) -> None:
        if not self.director.poll():
            self._poller.pause()

    def _tick(self) -> None:
        if not self.director.player.tick():
            self._player.pause()

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
        (self.stage.ladder if self.stage.ladder.display else self.stage.connections).focus()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """The line of keys is about the focused pane."""
        if isinstance(event.widget, LineView):
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
        self.director.go_in_time(event.connection, event.time_ns)

    @on(BytesPanel.Chosen)
    def _byte_chosen(self, event: BytesPanel.Chosen) -> None:
        self.director.choose_byte(event.offset)

    @on(LadderPanel.Missing)
    def _details_missing(self, event: LadderPanel.Missing) -> None:
        self.director.details_wanted(event.packets)

    @on(Bar.Pressed, "#keys")
    def _key_pressed(self, event: Bar.Pressed) -> None:
        places = keys_line(self.stage.focused_pane, self.size.width)[1]
        key = next((key for cells, key in places if event.column in cells), None)
        if key is not None:
            self.simulate_key(key)

    @on(GotoInput.Asked)
    def _asked(self, event: GotoInput.Asked) -> None:
        self._focus_home()
        self.action_go_to(event.text)

    # actions, as the binding table names them

    def action_step(self, by: int) -> None:
        """Next or previous packet of the connection, unfolded."""
        self.director.step(by)

    def action_trouble(self, by: int) -> None:
        """Next or previous trouble of the connection."""
        self.director.trouble(by)

    def action_connection(self, by: int) -> None:
        """Next or previous connection."""
        self.director.open(self.desk.next_connection(by))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where a place is being typed, `:` is a part of it, and over a dialog it opens nothing."""
        del parameters
        return action != "goto" or (not self.goto.display and len(self.screen_stack) == 1)

    def action_goto(self) -> None:
        """Ask for a place."""
        self.goto.open()

    def action_go_to(self, text: str) -> None:
        """Go to a place that was typed."""
        self.director.go(text)

    def action_play(self) -> None:
        """Play or pause."""
        if self.director.player.play():
            self._player.resume()

    def action_speed(self, by: int) -> None:
        """Play faster or slower."""
        self.director.player.faster(by)

    def action_layer(self, osi: int) -> None:
        """Look at a layer."""
        self.director.inspect(osi)

    def action_bytes(self) -> None:
        """Bytes on or off."""
        self.director.toggle_bytes()

    def action_explanation(self) -> None:
        """Short, full, off."""
        self.director.next_explanation()

    def action_option(self, name: str) -> None:
        """The next value of one of the options."""
        self.director.set_options(next_option(self.desk.options, name))

    def action_next_theme(self) -> None:
        """Other colours, where there are any."""
        if self.theme in THEMES:
            self.theme = THEMES[(THEMES.index(self.theme) + 1) % len(THEMES)]

    def action_connections(self) -> None:
        """To the list of connections, or away with it."""
        self.director.list_connections()

    def action_pane(self, by: int) -> None:
        """The next or previous pane."""
        if by > 0:
            self.screen.focus_next()
        else:
            self.screen.focus_previous()

    def action_maximise(self) -> None:
        """The focused pane alone, or all again."""
        self.director.maximise()

    def action_copy(self) -> None:
        """Copy what is selected."""
        self.director.copy()

    def action_help(self) -> None:
        """Every key of this pane."""
        problems = [problem.message for problem in self.desk.snapshot.problems]
        self.push_screen(HelpScreen(self.stage.focused_pane, problems, ascii=self.desk.options.ascii))

    def action_leave(self, quits: bool = False) -> None:
        """One step back; at the top, the end. `quits`: rather the end than only to cancel reading."""
        if not self.director.back(cancels=not quits):
            self.exit(0)

    def action_quit_now(self) -> None:
        """The end, whatever is open."""
        self.exit(0)

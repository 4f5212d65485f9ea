"""What keys do: an action for each that the binding table names; it tells the director, and decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.app import App

from tui.desk import next_option
from tui.fetch import Fetch
from tui.help import HelpScreen
from tui.styles import CONTRAST, DARK, LIGHT

if TYPE_CHECKING:
    from textual.timer import Timer

    from analysis.learned import Learned
    from analysis.snapshot import Snapshot
    from tui.asking import FilterInput, LineInput
    from tui.desk import Desk
    from tui.director import Director
    from tui.stage import Stage

THEMES: Final = (DARK, LIGHT, CONTRAST)


class Actions(App[int]):
    """The actions of the application, whose parts `tui.app` makes."""

    director: Director
    desk: Desk
    stage: Stage
    goto: LineInput
    saving: LineInput
    filter_line: FilterInput
    player_timer: Timer

    def action_step(self, by: int) -> None:
        """Next or previous packet of the connection, unfolded."""
        self.director.going.step(by)

    def action_trouble(self, by: int) -> None:
        """Next or previous trouble of the connection."""
        self.director.going.trouble(by)

    def action_connection(self, by: int) -> None:
        """Next or previous connection."""
        self.director.open(self.desk.next_connection(by))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where something is being typed, `:` and `/` are parts of it, and over a dialog they open nothing."""
        del parameters
        typing = self.goto.display or self.saving.display or self.filter_line.display
        return action not in ("goto", "filter") or (not typing and len(self.screen_stack) == 1)

    def action_goto(self) -> None:
        """Ask for a place."""
        self.goto.open()

    def action_filter(self) -> None:
        """Ask for a filter."""
        self.filter_line.open(self.desk.filter.text if self.desk.filter is not None else "")

    def action_go_to(self, text: str) -> None:
        """Go to a place that was typed."""
        self.director.going.go(text)

    def action_play(self) -> None:
        """Play or pause."""
        self.director.following.leave()
        if self.director.player.play():
            self.player_timer.resume()

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
        if name == "names" and self.desk.options.names:
            Fetch(self.desk.learn, self._take_names, self.director.say).ask(self, self.desk.snapshot)

    def _take_names(self, _: Snapshot, learned: Learned) -> None:
        session = self.desk.session
        for each in learned.names:
            session.names.setdefault(each.address, each.name)  # the capture's own names count for more
        self.director.set_options(self.desk.options)
        if not session.names:
            self.director.say("This capture tells no names of its addresses.")

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

    def action_learned(self) -> None:
        """The list of names, neighbours and requests."""
        Fetch(self.desk.learn, self._show_learned, self.director.say).ask(self, self.desk.snapshot)

    def _show_learned(self, _: Snapshot, learned: Learned) -> None:
        from tui.learned import LearnedScreen  # noqa: PLC0415 - the first screen does not wait for it

        if not self.desk.grows:
            self.desk.learned = learned
            self.stage.show_learned()

        def go(packet: int | None) -> None:
            if packet is not None:
                self.director.go_to(packet)

        self.push_screen(LearnedScreen(learned, self.desk.options), go)

    def action_machines(self) -> None:
        """A lane for each machine, or the connection's ladder again."""
        self.director.machines.toggle()

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
        again = quits and self.director.following.warned and self.director.following.warned == self.director.stage.said
        if again or not self.director.back(cancels=not quits):
            self.action_quit_now()

    def action_quit_now(self) -> None:
        """The end, whatever is open; before packets are lost that nobody saved, a warning first."""
        following = self.director.following
        warned = bool(following.warned) and following.warned == self.stage.said
        warning = None if warned else following.warning()
        if warning is None:
            self.exit(0)
        else:
            self.director.say(warning)

    def action_follow(self) -> None:
        """Go with the newest packet."""
        self.director.follow_newest()

    def action_freeze(self) -> None:
        """Show nothing newer, or go on."""
        self.director.following.freeze()
        self.stage.notice.redraw()

    def action_save(self) -> None:
        """Ask where to save a live capture."""
        if self.director.following.feed is None:
            self.director.say("This capture is a file already.")
        else:
            self.saving.open(self.director.following.proposal)

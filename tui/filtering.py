"""The filter that is set, and the one that is being typed: judged at each key, applied with Enter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.filter_grammar import FilterError
from analysis.filtering import Filter
from tui.desk import NONE
from tui.fetch import Fetch
from views.filtered import filter_line, judged_line, left_over

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App

    from analysis.filtering import Matches
    from tui.desk import Desk, Scene
    from views.text import Line


class Filtering:
    """One for a session. `changed` is called when the lines about the filter say something else."""

    def __init__(self, app: App[int], desk: Desk, changed: Callable[[], None], say: Callable[[str], None]) -> None:
        self._app, self._desk, self._changed = app, desk, changed
        self._typed: str | None = None
        self._error: FilterError | None = None
        self._said = ""
        self._anew = False  # a filter was set, and nothing that it found has been shown
        self._counts: Fetch[Filter, Matches] = Fetch(self._count, self._show_count, say)

    @property
    def busy(self) -> bool:
        """A thread counts what a filter would leave."""
        return self._counts.busy

    def lines(self, width: int) -> list[Line]:
        """What is said of the filter; nothing where there is none."""
        if self._typed is not None:
            return [judged_line(self._typed, self._error, self._said, width)]
        desk = self._desk
        if desk.filter is None:
            return []
        scene = desk.scene
        found = scene.matches if scene is not None and scene.request.filter == desk.filter else None
        snapshot = scene.request.snapshot if scene is not None and found is not None else desk.snapshot
        return [filter_line(desk.filter, found, snapshot, width, desk.options)]

    def judge(self, text: str | None) -> None:
        """Say of what is being typed what it would leave, or what is wrong with it; None: nothing is typed any more."""
        self._typed, self._error, self._said = text, None, ""
        if text is not None and text.strip():
            try:
                wanted = Filter(text)
            except FilterError as error:
                self._error = error
            else:
                if wanted.reads:
                    self._said = "Enter searches what packets carry."
                else:
                    self._counts.ask(self._app, wanted)
        self._changed()

    def _count(self, wanted: Filter) -> Matches:
        return wanted.matches(self._desk.snapshot, self._desk.session.source)

    def _show_count(self, wanted: Filter, found: Matches) -> None:
        if self._typed is not None and self._typed.strip() == wanted.text:
            self._said = left_over(found, self._desk.snapshot)
            self._changed()

    def set(self, text: str) -> None:
        """Show only what matches a filter that was understood; an empty one shows everything."""
        self._desk.filter = Filter(text) if text.strip() else None
        self._anew = self._desk.filter is not None

    def place(self, scene: Scene) -> tuple[int, int] | None:
        """Where to go when what a filter found is shown for the first time: a connection and a packet, or nowhere."""
        found, desk = scene.matches, self._desk
        if found is None or not self._anew or scene.request.filter != desk.filter:
            return None
        self._anew = False
        if not found.connection_count:
            return None
        connection = desk.connection
        if connection == NONE or connection >= len(found.connections) or not found.connections[connection]:
            listed = scene.connections.connection_at(0) if scene.connections is not None else None
            return (int(found.connections.argmax()) if listed is None else listed), NONE
        if found.packets is not None and desk.packet != NONE and not found.packets[desk.packet]:
            return connection, int(scene.rows[found.packets[scene.rows].argmax()])
        return None

"""The panels, and how what is on the desk gets into them. Panels never hold what belongs to another packet for long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.desk import NONE, Looked, Scene
from tui.layout import Pane, Panes, Wishes, arrange
from tui.lineview import LineView
from tui.panels.bar import Bar
from tui.panels.bytes import BytesPanel
from tui.panels.connections import ConnectionsPanel
from tui.panels.explanation import ExplanationPanel
from tui.panels.ladder import LadderPanel
from tui.panels.layers import LayersPanel
from tui.panels.machines import MachinesPanel
from tui.panels.progress import notice_lines
from tui.panels.status import keys_line, status_lines
from tui.panels.strips import layers_lines, time_lines
from tui.panels.timeline import TimelinePanel
from views.bytes import ByteDump
from views.explanation import Explanation
from views.text import Span, safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.widget import Widget

    from analysis.causes import Cause
    from analysis.learned import Learned
    from tui.desk import Desk, Explained
    from tui.filtering import Filtering
    from tui.following import Following
    from tui.layout import Explain
    from tui.playback import Playback

GRACE: Final = 0.05
"""Seconds that panels may still show the packet before, so that stepping does not flicker; then they are blank."""


class Stage:
    """All widgets of the main screen. `said` is a notice that stays until the next Esc."""

    def __init__(self, desk: Desk, following: Following) -> None:
        ascii_ = desk.options.ascii
        self.desk, self.following = desk, following
        self.said = ""
        self.filtering: Filtering | None = None
        self.rate = 0.0
        self.playback: Playback | None = None
        self.looked: Looked | None = None
        self.explained = NONE
        self._learned: Learned | None = None
        self._causes: dict[int, list[Cause]] = {}
        self.status = Bar(lambda width: status_lines(desk, self.playback, width), id=Pane.STATUS)
        self.connections = ConnectionsPanel(id=Pane.CONNECTIONS, ascii=ascii_)
        self.ladder = LadderPanel(id=Pane.LADDER, ascii=ascii_)
        self.machines = MachinesPanel(id=Pane.MACHINES, ascii=ascii_)
        self.layers = LayersPanel(id=Pane.LAYERS, ascii=ascii_)
        self.bytes = BytesPanel(id=Pane.BYTES, ascii=ascii_)
        self.explanation = ExplanationPanel(id=Pane.EXPLANATION, ascii=ascii_)
        self.layers_strip = Bar(self._layers_strip, id=Pane.LAYERS_STRIP)
        self.time_strip = Bar(lambda width: time_lines(desk, width), id=Pane.TIME_STRIP)
        self.timeline = TimelinePanel(id=Pane.TIMELINE, ascii=ascii_)
        self.notice = Bar(lambda width: notice_lines(self, width), id=Pane.NOTICE)
        self.keys = Bar(lambda width: [keys_line(self.focused_pane, width)[0]], id=Pane.KEYS)
        self.focused_pane: str = Pane.LADDER
        # In the order in which Tab visits them.
        self.widgets: tuple[Widget, ...] = (
            self.status, self.connections, self.ladder, self.machines, self.layers, self.bytes, self.explanation,
            self.layers_strip, self.time_strip, self.timeline, self.notice, self.keys,
        )  # fmt: skip
        self.panes = Panes(*self.widgets)

    # where

    def arrange(self, width: int, height: int, wishes: Wishes) -> None:
        """Show the panes that have a place at this size."""
        self.panes.follow(wishes)
        regions = arrange(width, height, wishes)
        for widget in self.widgets:
            region = regions.get(Pane(str(widget.id)))
            widget.display = region is not None
            if region is not None and isinstance(widget, LineView):
                self._divide(widget, beside=region.x > 0, below=widget is self.bytes)
        alone = Pane.CONNECTIONS not in regions and Pane.LAYERS not in regions and Pane.BYTES not in regions
        self.ladder.show_title(None if alone else (Span("ladder", "title"),))
        self.connections.show_title((Span("connections", "title"),))
        self.timeline.show_title((Span("all connections in time", "title"),))

    def _divide(self, view: LineView, *, beside: bool, below: bool) -> None:
        """The line between a pane and the one at its left."""
        ascii_ = self.desk.options.ascii
        edge = ("|" if ascii_ else "│") if beside else ""
        if edge != view.edge:
            view.edge, view.joint = edge, "+" if ascii_ else "├" if below else "┬"
            view.redraw()

    @property
    def home(self) -> LineView:
        """Where keys go when nothing else wants them."""
        return next((each for each in (self.machines, self.ladder) if each.display), self.connections)

    def showing(self, pane: Pane) -> bool:
        """The pane has a place on screen now."""
        return any(widget.display for widget in self.widgets if widget.id == pane)

    # what

    def show_scene(self, scene: Scene) -> None:
        """Newer views of the connection, or another one."""
        self.desk.scene = scene
        self.ladder.show_ladder(scene.ladder, self.desk.packet)
        self.connections.show_connections(scene.connections, self.desk.connection)
        self.show_learned()
        self.timeline.show_timeline(scene.timeline, self.desk.connection, self.time_ns)
        self.show_packet()
        if self.looked is None:
            self.show_layers()  # their titles, with the number of the packet that is being read
        self.redraw_bars()

    def show_learned(self) -> None:
        """Which connections caused which, where it is known by now."""
        learned = self.desk.learned
        if learned is not None and learned is not self._learned:
            self._learned, self._causes = learned, {}
            for cause in learned.causes:
                self._causes.setdefault(cause.effect, []).append(cause)
        self.connections.show_causes(self._causes)
        self.status.redraw()

    @property
    def time_ns(self) -> int:
        """The selected packet's time."""
        times = self.desk.snapshot.packets.time_ns
        return int(times[self.desk.packet]) if 0 <= self.desk.packet < len(times) else 0

    def show_packet(self) -> None:
        """The selected packet, and whether playback dims what is later, in every pane that has a time."""
        active = self.playback is not None and self.playback.active
        self.ladder.show_packet(self.desk.packet, dims=active)
        self.machines.show_packet(self.desk.packet)
        self.timeline.show_timeline(self.timeline.timeline, self.desk.connection, self.time_ns)
        self.status.redraw()
        self.time_strip.redraw()

    def redraw_bars(self) -> None:
        """The lines at the top and the bottom."""
        for bar in (self.status, self.layers_strip, self.time_strip, self.notice, self.keys):
            bar.redraw()

    @property
    def number(self) -> str:
        """The selected packet's number, all that is said of it until it has been read."""
        if self.desk.packet == NONE:
            return "no packet"
        rows = self.desk.scene.rows if self.desk.scene is not None else ()
        return f"packet {self.desk.packet + 1}" if len(rows) else "no packet"

    def blank_stale(self) -> None:
        """Panels that still show another packet show the selected one's number instead."""
        if self.looked is None or self.looked.packet != self.desk.packet:
            self.looked = None
            self.show_layers()
        if self.explained != self.desk.packet:
            self.explanation.show_explanation(None, self.number)

    def show_explanation(self, packet: int, explained: Explained, explain: Explain) -> None:
        """Sentences about a packet, if it is still the selected one."""
        self.show_learned()
        if packet != self.desk.packet:
            return
        self.explained = packet
        desk = self.desk
        full = explain == "full" or self.explanation.size.height > 5
        rows = desk.scene.rows if desk.scene is not None else None
        view = Explanation(
            desk.snapshot,
            desk.connection,
            packet,
            explained.details,
            full=full,
            options=desk.options,
            packets=rows,
            findings=explained.findings,
            comments=explained.comments,
            causes=explained.causes,
            passages=desk.scene.ladder.passages if desk.scene is not None and desk.scene.ladder is not None else None,
        )
        self.explanation.show_explanation(view, self.number)

    def show_looked(self, looked: Looked) -> None:
        """Layers and bytes of a packet, if it is still the selected one."""
        if looked.packet == self.desk.packet:
            self.looked = looked
            self.show_layers()

    def fields_path(self) -> Iterator[tuple[int, str]]:
        """(index, path) of the fields of the packet that is shown."""
        fields = self.looked.dissection.fields if self.looked is not None else ()
        return ((index, field.path) for index, field in enumerate(fields))

    @property
    def field(self) -> int | None:
        """The selected field of the packet that is shown: the one of the same name as in the packet before."""
        return next((index for index, path in self.fields_path() if path == self.desk.path), None)

    def show_layers(self) -> None:
        """The tree, the bytes and the strip, with the selected field."""
        looked, desk, selected = self.looked, self.desk, self.field
        self.layers.show_title((Span("layers", "title"), Span(f"  {self.number}{self._lost}", "dim")))
        self.bytes.show_title((Span("bytes", "title"), Span(f"  {self._bytes_title()}", "dim")))
        self.layers.show_layers(
            looked.dissection if looked and not looked.gone else None, desk.options, desk.folded, selected
        )
        dump, place = self._dump(selected)
        self.bytes.show_bytes(dump, place)
        self.layers_strip.redraw()

    def _dump(self, selected: int | None) -> tuple[ByteDump | None, tuple[int, int] | None]:
        """The packet's bytes with the selected field and its header marked, and where that field is."""
        if self.looked is None:
            return None, None
        field = self.looked.dissection.fields[selected] if selected is not None else None
        if field is None or field.offset < 0:
            return ByteDump(self.looked.data, None, self.desk.options), None
        header = self.looked.dissection.layers[field.layer]
        place = (field.offset, field.length)
        return ByteDump(self.looked.data, place, self.desk.options, (header.offset, header.header_length)), place

    @property
    def _lost(self) -> str:
        return ": its bytes are gone" if self.looked is not None and self.looked.gone else ""

    def _bytes_title(self) -> str:
        if self.looked is None or self.field is None:
            return self.number + self._lost
        field = self.looked.dissection.fields[self.field]
        if field.offset < 0:
            return f"{self.number}  {safe(field.name)}"
        size = f"{field.bit_length} bits" if field.bit_length else f"{field.length} B"
        return f"{self.number}  {safe(field.name)}: {size} at {field.offset}"

    def _layers_strip(self, width: int) -> list[tuple[Span, ...]]:
        fresh = self.looked is not None and self.looked.packet == self.desk.packet
        dissection = self.looked.dissection if fresh and self.looked and not self.looked.gone else None
        return layers_lines(dissection, self.desk.packet, width, self.desk.options)

"""What is read of the selected packet: its explanation, its layers and bytes; and which field of it is selected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.desk import NONE
from tui.fetch import Fetch
from tui.layout import Pane
from tui.stage import GRACE
from views.bytes import field_at_offset

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from textual.app import App

    from analysis.details import Detail
    from tui.desk import Desk, Explained, Looked
    from tui.layout import Explain
    from tui.stage import Stage


class Looking:
    """One for a session. `explain` tells how much explanation is wanted, `say` shows what went wrong."""

    def __init__(
        self, app: App[int], desk: Desk, stage: Stage, explain: Callable[[], Explain], say: Callable[[str], None]
    ) -> None:
        self._app, self._desk, self._stage, self._explain = app, desk, stage, explain
        self.painted = False
        """The first screen is there. Before it nothing is taken apart: importing Scapy would delay it."""
        self._asked_layer: int | None = None
        self.looks = Fetch(desk.look, self._show_looked, say)
        self._explanations = Fetch(desk.explain, self._show_explanation, say)
        self._findings: Fetch[NDArray[np.int64], None] = Fetch(desk.find, self._show_findings, say)
        self._details: Fetch[NDArray[np.int64], list[Detail]] = Fetch(
            desk.session.details, lambda _, details: stage.ladder.supply(details), say
        )

    @property
    def busy(self) -> bool:
        """A thread is at work."""
        fetches = (self.looks, self._explanations, self._details, self._findings)
        return any(fetch.busy for fetch in fetches)

    def look(self) -> None:
        """Read, explain and take apart the selected packet; panels that still show another are soon blank."""
        desk, stage = self._desk, self._stage
        if desk.packet == NONE or not self.painted:
            return
        self._app.set_timer(GRACE, stage.blank_stale)
        if stage.showing(Pane.EXPLANATION) or desk.connection not in desk.findings:
            self._explanations.ask(self._app, desk.packet)
        if any(stage.showing(pane) for pane in (Pane.LAYERS, Pane.BYTES, Pane.LAYERS_STRIP)):
            self.looks.ask(self._app, desk.packet)

    def details_wanted(self, packets: NDArray[np.int64]) -> None:
        """Packets came on screen whose details the ladder does not have."""
        self._details.ask(self._app, packets)

    def findings_wanted(self, connections: NDArray[np.int64]) -> None:
        """Connections came on screen of which nothing is known yet; while reading goes on, any packet may change it."""
        if self._desk.snapshot.finished and self.painted:
            self._findings.ask(self._app, connections)

    def _show_findings(self, _: NDArray[np.int64], __: None) -> None:
        self._stage.connections.redraw()
        self._stage.status.redraw()

    def _show_explanation(self, packet: int, explained: Explained) -> None:
        self._stage.show_explanation(packet, explained, self._explain())

    def _show_looked(self, _: int, looked: Looked) -> None:
        self._stage.show_looked(looked)
        if self._asked_layer is not None:
            self._stage.layers.go_to_layer(self._asked_layer)
            self._asked_layer = None

    def go_to_layer(self, osi: int) -> None:
        """Move to an OSI layer of the selected packet, as soon as it has been taken apart."""
        if self._stage.looked is None:
            self._asked_layer = osi
        self._stage.layers.go_to_layer(osi)

    def choose_field(self, field: int | None) -> None:
        """Another field of the packet that is shown, for the tree and the bytes."""
        looked = self._stage.looked
        path = looked.dissection.fields[field].path if looked is not None and field is not None else ""
        if path != self._desk.path:
            self._desk.path = path
            self._stage.show_layers()

    def choose_byte(self, offset: int) -> None:
        """The field that a byte belongs to."""
        if self._stage.looked is not None:
            self.choose_field(field_at_offset(self._stage.looked.dissection, offset))

    def toggle_layer(self, index: int) -> None:
        """Fold the header or field on a line of the layers, or unfold it; it stays so for the next packets."""
        field = self._stage.layers.field_at(index)
        if field is not None and self._stage.looked is not None:
            self._desk.folded ^= {self._stage.looked.dissection.fields[field].path}
            self._stage.show_layers()

"""The explanation of the selected packet in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tui.lineview import LineView
from views.text import Span

if TYPE_CHECKING:
    from views.explanation import Explanation


class ExplanationPanel(LineView):
    """Draws an `Explanation`; without one, the packet's number only."""

    CURSOR: ClassVar[bool] = False

    def show_explanation(self, explanation: Explanation | None, number: str) -> None:
        """Show sentences and their title; None: only which packet they will be about."""
        self.top = 0
        self.aside = explanation.aside if explanation is not None else ""
        self.show(explanation)
        self.show_title((Span(explanation.title if explanation is not None else number, "title"),))

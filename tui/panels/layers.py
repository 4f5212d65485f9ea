"""The layers of the selected packet as a tree of headers and fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.lineview import LineView
from views.layers import LayerTree

if TYPE_CHECKING:
    from analysis.layers import Dissection
    from views.options import Options


class LayersPanel(LineView):
    """Draws a `LayerTree`."""

    layer_tree: LayerTree | None = None

    def show_layers(
        self, dissection: Dissection | None, options: Options, folded: frozenset[str], selected: int | None
    ) -> None:
        """Show a packet's layers with a field selected; None: they are not there yet."""
        self.layer_tree = LayerTree(dissection, options, folded, selected) if dissection is not None else None
        cursor = self.layer_tree.index_of(selected) if self.layer_tree is not None and selected is not None else None
        self.show(self.layer_tree, cursor=cursor)

    def field_at(self, index: int) -> int | None:
        """The field on a line."""
        return self.layer_tree.field_at(index) if self.layer_tree is not None and index < len(self.layer_tree) else None

    def go_to_layer(self, osi: int) -> None:
        """Put the cursor on an OSI layer."""
        line = self.layer_tree.layer_index(osi) if self.layer_tree is not None else None
        if line is not None:
            self.move_to(line)
            self.scroll_by(line - self.top)  # its fields are below

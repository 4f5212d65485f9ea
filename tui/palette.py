"""The command palette: the binding table by name, and any place that `:` understands."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Provider

from tui.bindings import TABLE, keys_shown

if TYPE_CHECKING:
    from textual.command import Hits

    from tui.bindings import Key


def label(entry: Key) -> str:
    """What the palette calls an action; round brackets, since the palette takes square ones for markup."""
    return f"{entry.text}  ({keys_shown(entry)})"


class Palette(Provider):
    """Every action of the table that works from everywhere."""

    async def discover(self) -> Hits:
        """All of them."""
        for entry in TABLE:
            if entry.where == "app" and entry.id != "palette":
                yield DiscoveryHit(label(entry), partial(self.app.run_action, entry.action))

    async def search(self, query: str) -> Hits:
        """Those that match, and a bare number as a packet."""
        matcher = self.matcher(query)
        for entry in TABLE:
            score = matcher.match(label(entry))
            if entry.where == "app" and entry.id != "palette" and score > 0:
                yield Hit(score, matcher.highlight(label(entry)), partial(self.app.run_action, entry.action))
        if query.strip().isdigit():
            yield Hit(1.0, f"Go to packet {query.strip()}", partial(self.app.run_action, f"go_to('{query.strip()}')"))

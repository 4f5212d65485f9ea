"""The command palette: the binding table by name, and any place that `:` understands."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Provider

from tui.bindings import TABLE, keys_shown

if TYPE_CHECKING:
    from textual.command import Hits


class Palette(Provider):
    """Every action of the table that works from everywhere."""

    async def discover(self) -> Hits:
        """All of them."""
        for entry in TABLE:
            if entry.where == "app" and entry.id != "palette":
                yield DiscoveryHit(entry.text, partial(self.app.run_action, entry.action), help=keys_shown(entry))

    async def search(self, query: str) -> Hits:
        """Those that match, and a bare number as a packet."""
        matcher = self.matcher(query)
        for entry in TABLE:
            score = matcher.match(entry.text)
            if entry.where == "app" and entry.id != "palette" and score > 0:
                run = partial(self.app.run_action, entry.action)
                yield Hit(score, matcher.highlight(entry.text), run, help=keys_shown(entry))
        if query.strip().isdigit():
            yield Hit(1.0, f"Go to packet {query.strip()}", partial(self.app.run_action, f"go_to('{query.strip()}')"))

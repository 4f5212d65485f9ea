"""The list of connections, those with trouble first; columns appear as there is room for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from views.causes import caused_by
from views.connection_cells import CELLS
from views.durations import TIME_WIDTH
from views.findings import kinds, tally
from views.glyphs import glyphs
from views.text import SELECTED, Span, cells, cut, fit, with_modifier
from views.verdicts import ROLES_OF, severities, sign
from views.wording import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from analysis.causes import Cause
    from analysis.finding import Finding
    from analysis.snapshot import Snapshot
    from views.options import Options
    from views.text import Line


CAUSE: Final = "cause"
"""The column that is there only where a cause is known."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `name` in `CELLS`, least and greatest cells, to the right or not; `rank`: who comes first."""

    name: str
    title: str
    least: int
    most: int
    rank: int
    right: bool = False


def _columns(snapshot: Snapshot, options: Options) -> tuple[Column, ...]:
    """In the order they stand in."""
    signs = glyphs(ascii_only=options.ascii)
    both = f"{signs.right}/{signs.left}"
    digits = max(len(str(len(snapshot.connections))), 1)
    wide = bool((snapshot.connections.family == 6).any())
    ends = 47 if wide else 21
    return (
        Column("number", "#", digits, digits, 0, right=True),
        Column("client", _("client"), 15, ends, 4),
        Column("server", _("server"), 13, ends, 2),
        Column("service", _("service"), 8, 11, 3),
        Column("outcome", _("outcome"), 15, 40, 1),
        Column(CAUSE, _("cause"), 7, 15, 5),
        Column("found", _("found"), 11, 30, 7),
        Column("packets", _("packets") + " " + both, 11, 13, 6, right=True),
        Column("bytes", _("bytes") + " " + both, 15, 17, 9, right=True),
        Column("start", _("start"), max(TIME_WIDTH[options.time], 9), 15, 10, right=True),
        Column("duration", _("duration"), 9, 11, 8, right=True),
        Column("rtt", "RTT", 8, 9, 11, right=True),
        Column("history", _("history"), 10, 24, 12),
    )


GROWTH: Final = (
    ("outcome", 20),  # "seen from the middle"
    ("server", 21),
    ("client", 21),
    ("outcome", 99),
    ("server", 99),
    ("client", 99),
    *((name, 99) for name in (CAUSE, "history", "bytes", "packets", "service", "duration", "rtt")),
)
"""Who takes the room that is left, in this order, and up to how many cells."""
BEFORE_MORE: Final = 6
"""So many columns, by rank, come before any other ..."""
WHOLE_NAMES: Final = 3
"""... and so many of `GROWTH`: an outcome and both addresses in full say more than a seventh column."""


def column_widths(columns: tuple[Column, ...], width: int) -> list[tuple[Column, int]]:
    """The columns that fit beside mark and sign, in the order they stand in, and their cells (without a gap of one)."""
    room = width - 2  # mark, sign and a gap; the last column needs no gap after it
    most = {column.name: column.most for column in columns}
    sizes: dict[str, int] = {}
    ranked = sorted(columns, key=lambda each: each.rank)
    for wanted, growth in ((ranked[:BEFORE_MORE], GROWTH[:WHOLE_NAMES]), (ranked[BEFORE_MORE:], GROWTH[WHOLE_NAMES:])):
        for column in wanted:
            if room < column.least + 1:
                break
            sizes[column.name] = column.least
            room -= column.least + 1
        for name, limit in growth:
            if name in sizes:
                more = min(room, max(min(limit, most[name]) - sizes[name], 0))
                sizes[name] += more
                room -= more
    return [(column, sizes[column.name]) for column in columns if column.name in sizes]


def _severities(snapshot: Snapshot, before: ConnectionList | None) -> NDArray[np.uint8]:
    """How bad each connection's end is, looking only at those that have had packets since the list `before`."""
    table = snapshot.connections
    if before is None or len(before.severity) > len(table):
        return severities(table)
    known = len(before.severity)
    later = np.asarray(table.last_packet) >= len(before.snapshot.packets)
    later[known:] = True
    found = np.empty(len(table), np.uint8)
    found[:known] = before.severity
    changed = np.flatnonzero(later)
    found[changed] = severities(table, changed)
    return found


class ConnectionList:
    """Connections sorted by trouble, then by number. `cursor`, the selected connection's row, and `causes` may be set.

    `only`, bool (M,), says which of them are listed; without it, all. `alike` is another list of the same snapshot,
    whose order is taken over, or of an older one of the same capture. `found` are the findings about connections, as
    far as they have been looked for; a connection whose findings are worse than its outcome bears their sign, but keeps
    its place. `causes` are those of each connection, as far as they are known, by the connection that is the effect.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        options: Options,
        *,
        only: NDArray[np.bool_] | None = None,
        alike: ConnectionList | None = None,
        found: Mapping[int, Sequence[Finding]] | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.options = options
        self.cursor = -1
        self.found = {} if found is None else found
        self.causes: Mapping[int, Sequence[Cause]] = {}
        self._glyphs = glyphs(ascii_only=options.ascii)
        self._columns = _columns(snapshot, options)
        self.severity: NDArray[np.uint8]
        self.sorted: NDArray[np.int64]
        if alike is not None and alike.snapshot is snapshot:
            self.severity, self.sorted = alike.severity, alike.sorted
        else:
            self.severity = _severities(snapshot, alike)
            # A stable sort of bytes is a radix sort: a million rows in a few milliseconds.
            order = np.argsort(self.severity, kind="stable")
            self.sorted = order[snapshot.connections.first_packet[order] >= 0]
        self.order = self.sorted if only is None else self.sorted[only[self.sorted]]
        self._index = np.zeros(len(self.severity), np.int64)
        self._index[self.order] = np.arange(len(self.order))

    def __len__(self) -> int:
        return len(self.order)

    def connection_at(self, index: int) -> int | None:
        """The connection of a line."""
        return int(self.order[index]) if 0 <= index < len(self.order) else None

    def index_of(self, connection: int) -> int:
        """The line of a connection, 0 if it has none."""
        return int(self._index[connection]) if 0 <= connection < len(self._index) else 0

    @property
    def _shown(self) -> tuple[Column, ...]:
        return tuple(column for column in self._columns if self.causes or column.name != CAUSE)

    def head(self, width: int) -> tuple[Line, ...]:
        """The column titles."""
        line: list[Span] = [Span("   ", "")]
        for column, size in column_widths(self._shown, width):
            line.append(Span(self._cell(column.title, size, right=column.right) + " ", "head"))
        return (fit(tuple(line), width),)

    def draw(self, index: int, width: int) -> Line:
        """One connection."""
        connection = self.connection_at(index)
        if connection is None:
            return fit((), width)
        findings = self.found.get(connection, ())
        told = tally(findings)
        worst = told[0][1] if told else ""
        severity = int(self.severity[connection])
        role = ROLES_OF[severity]
        marked = min(severity, ROLES_OF.index(worst)) if worst else severity
        selected = connection == self.cursor
        mark = Span(self._glyphs.mark, "selection") if selected else Span(" ", "")
        line: list[Span] = [mark, Span(sign(marked, self._glyphs) + " ", ROLES_OF[marked])]
        for column, size in column_widths(self._shown, width):
            if column.name == CAUSE:
                text, shown = caused_by(self.causes.get(connection, ())), "note"
            elif column.name == "found":
                text, shown = kinds(findings), worst
            else:
                text = CELLS[column.name](self.snapshot, connection, size, self.options)
                shown = role if column.name == "outcome" else "address" if column.name in {"client", "server"} else ""
            line.append(Span(self._cell(text, size, right=column.right) + " ", shown))
        drawn = fit(tuple(line), width)
        return with_modifier(drawn, SELECTED) if selected else drawn

    def _cell(self, text: str, size: int, *, right: bool) -> str:
        text = cut(text, size, self._glyphs.ellipsis)
        gap = " " * (size - cells(text))
        return gap + text if right else text + gap

"""The layers of one packet as a tree: the application at the top, the medium at the bottom, headers with their fields.

Layers that have nothing in this packet are shown and said to be empty: that, too, is what a packet teaches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from views.glyphs import glyphs
from views.osi import MODELS, Level, level_of
from views.text import SELECTED, Span, fit, line_cells, safe, with_modifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.layers import Dissection, Field, Layer
    from views.options import Options
    from views.text import Line

_FLAGS_OF: Final = (
    ("ipv4", "tos"), ("ipv4", "flags"), ("ipv6", "tc"), ("tcp", "flags"), ("dns", "flags"), ("arp", "flags"),
)  # fmt: skip
_OPTIONS: Final = ("mss", "wscale", "sack_perm", "sack", "timestamps", "nop", "eol")
_COUNTS: Final = ("", *(f"#{number}" for number in range(2, 6)))  # how paths tell headers and options of a kind apart
DEFAULT_FOLDED: Final = frozenset(
    {f"{layer}{count}.{field}" for layer, field in _FLAGS_OF for count in _COUNTS}
    | {f"tcp{outer}.options.{option}{count}" for option in _OPTIONS for outer in _COUNTS for count in _COUNTS}
)
"""Paths worth folding at first: what their lines say already tells what is in them."""

_TRAILERS: Final = ("padding", "trailer")
_EMPTY: Final = "nothing here"
_TLS_SESSION: Final = "see TLS, which makes sessions too"
_ASCII: Final = str.maketrans({"…": "~", "→": ">", "’": "'", "–": "-", "·": "."})


class LayerTree:
    """The lines of a dissection. `folded` are paths of fields whose parts are hidden, `selected` a field's index."""

    def __init__(self, dissection: Dissection, options: Options, folded: frozenset[str], selected: int | None) -> None:
        self._fields = dissection.fields
        self._layers = dissection.layers
        self._ascii = options.ascii
        self._model = options.model
        self._folded = folded
        self._selected = selected
        self._lines: list[int | Level] = []  # a field, or a level of the model without a header
        self._line_of: dict[int, int] = {}  # by field; a hidden one has the line that hides it
        self._fill()

    def __len__(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def head(self, width: int) -> tuple[Line, ...]:
        """Nothing stays on top."""
        del width
        return ()

    def field_at(self, index: int) -> int | None:
        """The field on a line, None on the line of an empty layer."""
        entry = self._lines[index] if 0 <= index < len(self._lines) else None
        return entry if isinstance(entry, int) else None

    def index_of(self, field: int) -> int:
        """The line of a field, or the line whose fold hides it."""
        return self._line_of.get(field, 0)

    def layer_index(self, osi: int) -> int | None:
        """The line of OSI layer `osi` (1 to 7), the innermost header's if there are several; empty layers have one."""
        if not 1 <= osi <= 7:
            return None
        level = level_of(osi, self._model)
        empty = None
        for index, entry in enumerate(self._lines):
            if isinstance(entry, Level):
                empty = index if entry == level else empty
            elif self._fields[entry].depth == 0 and self._layers[self._fields[entry].layer].osi == osi:
                return index
        return empty if empty is not None else self._first_of(level)

    def _first_of(self, level: Level) -> int | None:
        for index, entry in enumerate(self._lines):
            if isinstance(entry, int) and self._layers[self._fields[entry].layer].osi in level.osi:
                return index
        return None

    def draw(self, index: int, width: int) -> Line:
        """One line of exactly `width` cells; the first is free for a mark."""
        entry = self._lines[index]
        if isinstance(entry, Level):
            return fit(self._empty(entry), width)
        line = self._header(entry) if self._fields[entry].depth == 0 else self._field(entry)
        if line_cells(line) > width:
            line = (*fit(line, width - 1), Span(glyphs(ascii_only=self._ascii).ellipsis, "dim"))
        line = fit(line, width)
        return with_modifier(line, SELECTED) if entry == self._selected else line

    # the order of lines

    def _fill(self) -> None:
        starts = self._starts()
        for entry in self._order():
            if isinstance(entry, Level):
                self._lines.append(entry)
            else:
                self._add(starts[entry], starts[entry + 1])

    def _starts(self) -> list[int]:
        """The first field of each layer, and the number of fields."""
        starts = [index for index, field in enumerate(self._fields) if field.depth == 0]
        return [*starts, len(self._fields)]

    def _order(self) -> list[int | Level]:
        """Layers (by index) from the innermost to the outermost, trailers below their headers, and empty levels."""
        layers = self._layers
        order = [index for index in reversed(range(len(layers))) if layers[index].key not in _TRAILERS]
        for index in (index for index, layer in enumerate(layers) if layer.key in _TRAILERS):
            place = next(
                (at for at, other in enumerate(order) if layers[other].osi <= layers[index].osi), len(order) - 1
            )
            order.insert(place + 1, index)
        levels = MODELS[self._model]
        filled: list[int | Level] = list(order)
        used = {level_of(layer.osi, self._model) for layer in layers}
        for level in (level for level in levels if level not in used):
            below = (at for at, other in enumerate(filled) if _height(other, layers) < max(level.osi))
            filled.insert(next(below, len(filled)), level)
        return filled

    def _add(self, start: int, stop: int) -> None:
        hidden_below: int | None = None
        for index in range(start, stop):
            field = self._fields[index]
            if hidden_below is not None and field.depth > hidden_below:
                self._line_of[index] = len(self._lines) - 1
                continue
            hidden_below = field.depth if field.path in self._folded else None
            self._line_of[index] = len(self._lines)
            self._lines.append(index)

    # what lines say

    def _parts(self, index: int) -> bool:
        """Whether a field has fields within."""
        after = index + 1
        return after < len(self._fields) and self._fields[after].depth > self._fields[index].depth

    def _sign(self, index: int) -> str:
        if not self._parts(index):
            return " "
        folded = self._fields[index].path in self._folded
        if self._ascii:
            return "+" if folded else "-"
        return "▸" if folded else "▾"

    def _text(self, text: str) -> str:
        if not self._ascii:
            return safe(text)
        return safe(text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii"))

    def _empty(self, level: Level) -> Line:
        tls = level.osi == (5,) and any(layer.key == "tls" for layer in self._layers)
        said = _TLS_SESSION if tls else _EMPTY
        return (Span("   ", ""), Span(f"{level.label} {level.name}: {said}", "empty"))

    def _header(self, index: int) -> Line:
        field = self._fields[index]
        layer = self._layers[field.layer]
        role = f"layer-{layer.osi}"
        return tuple(self._header_spans(index, layer, role))

    def _header_spans(self, index: int, layer: Layer, role: str) -> Iterator[Span]:
        label = level_of(layer.osi, self._model).label
        yield Span(f" {self._sign(index)} ", "dim")
        yield Span(f"{label} {self._text(layer.name)}", role)
        if layer.pdu:
            yield Span(f" {self._text(layer.pdu)}", "dim")
        if layer.header_length:
            yield Span(f" {layer.header_length} B", "strong")
        if layer.source or layer.destination:
            arrow = ">" if self._ascii else "→"
            yield Span(f"  {self._text(layer.source)} {arrow} {self._text(layer.destination)}", "address")
        if layer.summary:
            yield Span(f"  {self._text(layer.summary)}", "value")

    def _field(self, index: int) -> Line:
        field: Field = self._fields[index]
        indent = "  " * field.depth
        name = Span(self._text(field.name), "name")
        start = Span(f" {indent}{self._sign(index)} ", "dim")
        return (start, name, Span(f": {self._text(field.value)}", "value")) if field.value else (start, name)


def _height(entry: int | Level, layers: tuple[Layer, ...]) -> int:
    return max(entry.osi) if isinstance(entry, Level) else layers[entry].osi

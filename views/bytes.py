"""The bytes of one packet: offset, hex, text, with the selected field marked in both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from views.text import Span, fit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.layers import Dissection
    from views.options import Options
    from views.text import Line

_SIZES: Final = (16, 8, 4)
"""Bytes in one row: the most that the width allows."""

_GROUP: Final = 8
"""Bytes after which a gap makes counting easier."""


class ByteDump:
    """The bytes as rows. `selected` and `layer` are ranges (offset, length in bytes): a field and the header around it.

    How many bytes stand in a row depends on the width, so the number of rows is that for the width asked for last.
    """

    def __init__(
        self,
        data: bytes,
        selected: tuple[int, int] | None,
        options: Options,
        layer: tuple[int, int] | None = None,
    ) -> None:
        self._data = data
        self._selected = range(selected[0], selected[0] + selected[1]) if selected else range(0)
        self._layer = range(layer[0], layer[0] + layer[1]) if layer else range(0)
        self._unprintable = "." if options.ascii else "·"
        self._digits = max(4, len(f"{len(data):x}"))
        self._size = _SIZES[0]

    def __len__(self) -> int:
        """How many rows there are."""
        return (len(self._data) + self._size - 1) // self._size

    def head(self, width: int) -> tuple[Line, ...]:
        """Nothing stays on top."""
        self._fit(width)
        return ()

    def draw(self, index: int, width: int) -> Line:
        """One row of exactly `width` cells."""
        size = self._fit(width)
        first = index * size
        places = range(first, min(first + size, len(self._data)))
        spans = [Span(f"{first:0{self._digits}x}", "offset"), Span("  ", "")]
        spans += self._hex(places)
        spans.append(Span(" " * (self._text_column(size) - self._hex_column(len(places) - 1) - 2), ""))
        spans += self._characters(places)
        return fit(tuple(_joined(spans)), width)

    def offset_at(self, index: int, column: int, width: int) -> int | None:
        """The byte whose hex digits or character stand at a cell of a row."""
        size = self._fit(width)
        text = self._text_column(size)
        if column >= text:
            place = column - text
        else:
            places = (place for place in range(size) if 0 <= column - self._hex_column(place) < 2)
            place = next(places, size)
        offset = index * size + place
        return offset if 0 <= place < size and 0 <= offset < len(self._data) else None

    def index_of(self, offset: int, width: int) -> int:
        """The row of a byte."""
        return offset // self._fit(width)

    def _fit(self, width: int) -> int:
        fitting = (size for size in _SIZES if self._text_column(size) + size <= width)
        self._size = next(fitting, _SIZES[-1])
        return self._size

    def _hex_column(self, place: int) -> int:
        return self._digits + 2 + place * 3 + place // _GROUP

    def _text_column(self, size: int) -> int:
        return self._hex_column(size - 1) + 2 + 2

    def _kind(self, offset: int) -> str:
        if offset in self._selected:
            return "-field"
        return "-layer" if offset in self._layer else ""

    def _hex(self, places: range) -> Iterator[Span]:
        for place in places:
            role = f"byte{self._kind(place)}"
            if place > places.start:  # the gap within a field belongs to it
                same = self._kind(place - 1) == self._kind(place)
                gap = " " if (place - places.start) % _GROUP else "  "
                yield Span(gap, role if same else "")
            yield Span(f"{self._data[place]:02x}", role)

    def _characters(self, places: range) -> Iterator[Span]:
        for place in places:
            byte = self._data[place]
            shown = chr(byte) if 0x20 <= byte < 0x7F else self._unprintable
            yield Span(shown, f"byte-text{self._kind(place)}")


def _joined(spans: list[Span]) -> Iterator[Span]:
    text, role = "", ""
    for span in spans:
        if span.role != role and text:
            yield Span(text, role)
            text = ""
        text, role = text + span.text, span.role
    if text:
        yield Span(text, role)


def field_at_offset(dissection: Dissection, offset: int) -> int | None:
    """The innermost field that holds the byte at `offset`, None where there is none.

    Single bits are too fine for a byte: of several bit fields in it, the field around them is meant, if there is one
    below the header's line, else the first of them.
    """
    best, rank = None, (-1, -1)
    for index, field in enumerate(dissection.fields):
        if not field.offset <= offset < field.offset + field.length:
            continue
        first = field.offset * 8 + field.bit_offset
        last = first + (field.bit_length or field.length * 8)
        whole = first <= offset * 8 and last >= offset * 8 + 8
        candidate = (2 if whole and field.depth else 0 if field.depth == 0 else 1, field.depth)
        if candidate > rank:
            best, rank = index, candidate
    return best

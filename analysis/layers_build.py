"""Writes a dissection down, layer by layer; the one place that limits how much of it there can be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from analysis.layers import Dissection, Field, Layer
from analysis.layers_values import escaped

MAX_FIELDS: Final = 20_000
"""Fields of one packet; a jumbo packet of nothing but one-byte options has no more to say than this."""

MAX_LAYERS: Final = 64
"""Headers of one packet: VLAN tags or tunnels within tunnels without end."""


class Kind(NamedTuple):
    """What a layer is, whatever the packet."""

    osi: int
    name: str
    key: str
    pdu: str = ""


class Range(NamedTuple):
    """A place in the captured bytes, as in `Field`."""

    offset: int
    length: int
    bit_offset: int = 0
    bit_length: int = 0


NOWHERE: Final = Range(-1, 0)


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known of a layer when all its fields have been read."""

    header_length: int
    summary: str
    source: str = ""
    destination: str = ""


class Builder:
    """Collects layers and fields. Exactly one layer is open at a time: `open`, `field` …, `close`."""

    def __init__(self) -> None:
        self._layers: list[Layer] = []
        self._fields: list[Field] = []
        self._header = 0  # the open layer's line in _fields
        self._path = ""
        self._seen: dict[str, int] = {}

    @property
    def full(self) -> bool:
        """Whether further fields are left out."""
        return len(self._fields) >= MAX_FIELDS

    @property
    def count(self) -> int:
        """How many layers there are."""
        return len(self._layers)

    @property
    def last(self) -> Layer:
        """The layer opened last."""
        return self._layers[-1]

    def open(self, kind: Kind, offset: int) -> None:
        """Begin a layer at `offset`; the fields that follow are its."""
        self._path = self._unique(kind.key)
        self._header = len(self._fields)
        self._layers.append(Layer(kind.osi, kind.name, kind.key, kind.pdu, "", "", offset, 0, ""))
        self._fields.append(Field(0, self._path, kind.name, "", offset, 0, 0, 0, len(self._layers) - 1))

    def field(self, slug: str, name: str, value: str, place: Range, depth: int = 1) -> None:
        """A field of the open layer; `slug` is its path within the layer: "flags", "options.mss"."""
        if not self.full:
            path = self._unique(f"{self._path}.{slug}")
            self._fields.append(Field(depth, path, escaped(name), escaped(value), *place, len(self._layers) - 1))

    def _unique(self, path: str) -> str:
        seen = self._seen[path] = self._seen.get(path, 0) + 1
        return path if seen == 1 else f"{path}#{seen}"

    def group(self, slug: str, name: str, offset: int) -> int:
        """A part of the last layer, which is closed already; `end_group` tells its length when it is known."""
        self.field(slug, name, "", Range(offset, 0))
        return len(self._fields) - 1

    def end_group(self, group: int, value: str, length: int) -> None:
        """End what `group` began; the layer grows by `length` bytes."""
        if not self.full:
            self._fields[group] = replace(self._fields[group], value=escaped(value), length=length)
        layer = self._layers[-1]
        self._finish(replace(layer, header_length=layer.header_length + length))

    def close(self, outline: Outline) -> None:
        """End the open layer."""
        summary = f"{outline.summary}; further fields left out" if self.full else outline.summary
        layer = replace(
            self._layers[-1],
            header_length=outline.header_length,
            summary=escaped(summary),
            source=escaped(outline.source),
            destination=escaped(outline.destination),
        )
        self._finish(layer)

    def _finish(self, layer: Layer) -> None:
        self._layers[-1] = layer
        line = self._fields[self._header]
        offset = layer.offset if layer.header_length else -1
        self._fields[self._header] = replace(line, value=layer.summary, offset=offset, length=layer.header_length)

    def dissection(self) -> Dissection:
        """Everything so far."""
        return Dissection(tuple(self._layers), tuple(self._fields))

"""The exact place of every field that Scapy reads.

Scapy keeps values, not places. But each of its fields takes its bytes from the front of what is left and returns the
rest, so a field stands where the rest began before, and ends where it begins after: `(bytes, bit)` within bit fields.
That is only believed as long as the rest really is the end of the header's bytes; fields that reorder bytes
(little-endian bit fields) share the range of their group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.layers_build import Range

if TYPE_CHECKING:
    from collections.abc import Iterator


class UnplacedError(Exception):
    """A header whose fields do not tell where it ends."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A field that was read: Scapy's field object, its internal value and where it stands."""

    field: Any
    value: Any
    place: Range
    trailer: bool = False  # taken from the end of what the header was given


@dataclass(slots=True)
class Walk:
    """Reads the fields of one header out of `data[start:stop]`, setting them in `packet` as Scapy does.

    After `fields` is exhausted, `position` is where the header ends and `stop` where its payload may end.
    """

    packet: Any
    data: bytes
    start: int
    stop: int
    position: int = 0

    def fields(self, skip: frozenset[str] = frozenset()) -> Iterator[Placed]:
        """Each field in turn; those named in `skip` are left to the caller, who may move `position` over them.

        Raises whatever Scapy raises on bytes that it does not like, and `UnplacedError`.
        """
        rest: Any = self.data[self.start : self.stop]
        self.position, bit = self.start, 0
        waiting: list[tuple[Any, Any]] = []  # read, but not placed yet
        for field in self.packet.fields_desc:
            if field.name in skip:
                continue
            inner = unwrapped(field)
            after, value = field.getfield(self.packet, rest)
            if value is None and field.isconditional:
                continue
            self.packet.fields[field.name] = value
            end, end_bit = _split(after)
            if _from_end(inner):
                yield self._trailer(inner, value, end)
                rest = after
                continue
            position = self.stop - len(end)
            moved = not (self.position <= position and self.data[position : self.stop] == end)
            if moved or (end_bit and (waiting or _reversed(inner))):
                waiting.append((inner, value))
            else:
                yield from self._placed(waiting, inner, value, (bit, position, end_bit))
                waiting.clear()
                self.position, bit = position, end_bit
            rest = after
            if not end and not end_bit and _may_end(field, value):
                break
        if waiting or bit:
            raise UnplacedError

    def _placed(
        self, waiting: list[tuple[Any, Any]], field: Any, value: Any, end: tuple[int, int, int]
    ) -> Iterator[Placed]:
        bit, position, end_bit = end
        if waiting or _reversed(field):
            group = Range(self.position, position - self.position)
            yield from (Placed(one, read, group) for one, read in [*waiting, (field, value)])
            return
        bits = (position - self.position) * 8 + end_bit - bit
        if bits:
            yield Placed(field, value, bit_range(self.position * 8 + bit, bits))

    def _trailer(self, field: Any, value: Any, rest: bytes) -> Placed:
        stop = self.position + len(rest)
        if not self.position <= stop <= self.stop or self.data[self.position : stop] != rest:
            raise UnplacedError
        place = Range(stop, self.stop - stop)
        self.stop = stop
        return Placed(field, value, place, trailer=True)


def bit_range(first: int, bits: int) -> Range:
    """The range of `bits` bits from bit `first` of the packet on; whole bytes have bit_length 0."""
    offset, bit = divmod(first, 8)
    length = (bit + bits + 7) // 8
    whole = not bit and not bits % 8
    return Range(offset, length) if whole else Range(offset, length, bit, bits)


def unwrapped(field: Any) -> Any:
    """The field within Scapy's wrappers for conditions and emphasis."""
    while type(field).__name__ in {"ConditionalField", "Emph", "MayEnd"}:
        field = field.fld
    return field


def _split(rest: Any) -> tuple[bytes, int]:
    return rest if isinstance(rest, tuple) else (rest, 0)


def _reversed(field: Any) -> bool:
    return bool(getattr(field, "rev", False)) and max(field.tot_size, field.end_tot_size) > 1


def _from_end(field: Any) -> bool:
    return any(base.__name__ == "TrailerField" for base in type(field).__mro__)


def _may_end(field: Any, value: Any) -> bool:
    inner = field.fld if field.isconditional and value is not None else field
    return bool(field.ismayend or inner.ismayend)


def item_places(items: list[Any], place: Range, data: bytes) -> list[Range] | None:
    """Where the packets of a list field stand, or None if that can't be told.

    Scapy hands each item all that is left of the list, and remembers it; the lengths of these tell where each begins.
    """
    if not items:
        return []
    end = place.offset + len(items[0].original)
    starts = [end - len(item.original) for item in items]
    stops = [*starts[1:], place.offset + place.length]
    for item, start, stop in zip(items, starts, stops, strict=True):
        if not place.offset <= start <= stop <= place.offset + place.length:
            return None
        if data[start:stop] != item.original[: stop - start]:
            return None
    return [Range(start, stop - start) for start, stop in zip(starts, stops, strict=True)]

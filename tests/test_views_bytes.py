"""The byte dump, as it is drawn, and the way from a byte to its field."""

from __future__ import annotations

import pytest

from analysis.layers import Dissection, Field, dissect
from views.bytes import ByteDump, field_at_offset
from views.options import Options
from views.text import ROLES, line_cells, plain

TEXT = b"GET / HTTP/1.1\r\nHost: a\r\n"


def dump(selected: tuple[int, int] | None = None, *, ascii_only: bool = False, data: bytes = TEXT) -> ByteDump:
    return ByteDump(data, selected, Options(ascii=ascii_only), (4, 12))


PICTURES = {
    72: (
        "0000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  GET / HTTP/1.1··\n"
        "0010  48 6f 73 74 3a 20 61 0d  0a                       Host: a··"
    ),
    40: (
        "0000  47 45 54 20 2f 20 48 54  GET / HT\n"
        "0008  54 50 2f 31 2e 31 0d 0a  TP/1.1··\n"
        "0010  48 6f 73 74 3a 20 61 0d  Host: a·\n"
        "0018  0a                       ·"
    ),
    25: (
        "0000  47 45 54 20  GET\n"
        "0004  2f 20 48 54  / HT\n"
        "0008  54 50 2f 31  TP/1\n"
        "000c  2e 31 0d 0a  .1··\n"
        "0010  48 6f 73 74  Host\n"
        "0014  3a 20 61 0d  : a·\n"
        "0018  0a           ·"
    ),
}


@pytest.mark.parametrize("width", PICTURES)
def test_rows_are_as_long_as_the_width_allows(width: int) -> None:
    lines = dump()
    lines.head(width)
    assert "\n".join(plain(lines.draw(index, width)).rstrip() for index in range(len(lines))) == PICTURES[width]


def test_the_selected_field_is_marked_in_hex_and_in_text_its_gaps_too() -> None:
    marked = [(span.text, span.role) for span in dump((6, 4)).draw(0, 72) if span.role.endswith("-field")]
    assert marked == [("48 54  54 50", "byte-field"), ("HTTP", "byte-text-field")]
    around = [span.text for span in dump((6, 4)).draw(0, 72) if span.role == "byte-layer"]
    assert around == ["2f 20", "2f 31 2e 31 0d 0a"]


def test_a_field_that_goes_over_the_end_of_a_row_is_marked_in_both() -> None:
    lines = dump((14, 4))
    assert [span.text for span in lines.draw(0, 72) if span.role == "byte-field"] == ["0d 0a"]
    assert [span.text for span in lines.draw(1, 72) if span.role == "byte-field"] == ["48 6f"]


def test_ascii_shows_a_full_stop_for_what_can_not_be_printed() -> None:
    data = bytes(range(256))
    lines = dump(ascii_only=True, data=data)
    lines.head(72)
    assert all(plain(lines.draw(index, 72)).isascii() for index in range(len(lines)))
    assert plain(lines.draw(1, 72)).endswith("................")


@pytest.mark.parametrize("width", [0, 10, 22, 23, 39, 40, 71, 72, 100])
def test_every_row_is_exactly_as_wide_as_asked_in_roles_that_have_a_style(width: int) -> None:
    for data in (TEXT, bytes(70_000)):
        lines = dump((3, 9), data=data)
        lines.head(width)
        for index in (0, 1, len(lines) - 1):
            line = lines.draw(index, width)
            assert line_cells(line) == width
            assert {span.role for span in line} <= ROLES


@pytest.mark.parametrize("width", [72, 40, 25])
def test_a_click_finds_the_byte_whose_digits_or_character_are_there(width: int) -> None:
    lines = dump()
    lines.head(width)
    for offset, byte in enumerate(TEXT):
        index = lines.index_of(offset, width)
        row = plain(lines.draw(index, width))
        cells = [column for column in range(width) if lines.offset_at(index, column, width) == offset]
        assert "".join(row[column] for column in cells[:2]) == f"{byte:02x}"
        assert row[cells[2]] == (chr(byte) if byte >= 0x20 else "·")
        assert len(cells) == 3
    assert lines.offset_at(len(lines) - 1, width - 1, width) is None


def test_an_empty_packet_has_no_rows() -> None:
    assert len(dump(data=b"")) == 0


PACKET = bytes.fromhex("450000280001400040060000") + bytes([10, 0, 0, 5, 10, 0, 0, 6])
PACKET += bytes.fromhex("c738005000000007000000095018faf0abcd0000") + b"hello"
DISSECTION = dissect(PACKET, 228, original_length=len(PACKET))
FIELDS = {
    "of two fields in a byte, the first": (0, "ipv4.version"),
    "a field of whole bytes": (8, "ipv4.ttl"),
    "the field around its bits": (1, "ipv4.tos"),
    "all of the flags, not one": (33, "tcp.flags"),
    "the payload": (40, "padding.bytes"),
}


@pytest.mark.parametrize("case", FIELDS)
def test_a_byte_belongs_to(case: str) -> None:
    offset, path = FIELDS[case]
    found = field_at_offset(DISSECTION, offset)
    assert found is not None
    assert DISSECTION.fields[found].path == path


def test_a_byte_that_only_a_header_holds_belongs_to_the_header() -> None:
    header = Field(0, "x", "X", "", 0, 4, 0, 0, 0)
    dissection = Dissection((), (header,))
    assert field_at_offset(dissection, 3) == 0
    assert field_at_offset(dissection, 4) is None

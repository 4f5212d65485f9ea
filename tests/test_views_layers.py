"""The layer tree, as it is drawn: the application at the top, empty layers said to be empty."""

from __future__ import annotations

import pytest

from analysis.layers import Dissection, Field, Layer, dissect
from views.layers import DEFAULT_FOLDED, LayerTree
from views.options import Options
from views.text import ROLES, SELECTED, line_cells, plain

ACK = bytes.fromhex("020000000001020000000002080045000028000140004006000000000000" + "0000")[:26]
ACK += bytes([10, 0, 0, 5, 10, 0, 0, 6]) + bytes.fromhex("c738005000000007000000095010faf0abcd0000")
DISSECTION = dissect(ACK + bytes(6), 1, original_length=60)
HEADERS = frozenset(field.path for field in DISSECTION.fields if field.depth == 0)


def tree(
    dissection: Dissection = DISSECTION,
    folded: frozenset[str] = HEADERS,
    selected: int | None = None,
    **options: object,
) -> LayerTree:
    return LayerTree(dissection, Options(**options), folded, selected)  # type: ignore[arg-type] # words for fields


def drawn(lines: LayerTree, width: int = 80) -> str:
    return "\n".join(plain(lines.draw(index, width)).rstrip() for index in range(len(lines)))


def test_seven_layers_the_empty_ones_honestly_empty() -> None:
    assert drawn(tree(), 100) == (
        "   L7 application: nothing here\n"
        "   L6 presentation: nothing here\n"
        "   L5 session: nothing here\n"
        " ▸ L4 TCP segment 20 B  51000 → 80  ACK, seq 7, ack 9, win 64240\n"
        " ▸ L3 IPv4 packet 20 B  10.0.0.5 → 10.0.0.6  TTL 64, protocol 6 (TCP)\n"
        " ▸ L2 Ethernet frame 14 B  02:00:00:00:00:02 → 02:00:00:00:00:01  type 0x0800 (IPv4)\n"
        " ▸ L2 Padding 6 B  6 bytes\n"
        " ▸ L1 Physical bits  60 bytes; a capture does not hold the signal"
    )


def test_four_layers_in_ascii() -> None:
    assert drawn(tree(model=4, ascii=True), 60) == (
        "   L4 application: nothing here\n"
        " + L3 TCP segment 20 B  51000 > 80  ACK, seq 7, ack 9, win ~\n"
        " + L2 IPv4 packet 20 B  10.0.0.5 > 10.0.0.6  TTL 64, protoc~\n"
        " + L1 Ethernet frame 14 B  02:00:00:00:00:02 > 02:00:00:00:~\n"
        " + L1 Padding 6 B  6 bytes\n"
        " + L1 Physical bits  60 bytes; a capture does not hold the ~"
    )


def test_fields_stand_below_their_header_and_flags_unfold() -> None:
    lines = tree(folded=HEADERS - {"tcp"} | {"tcp.flags"})
    assert drawn(lines).splitlines()[3:13] == [
        " ▾ L4 TCP segment 20 B  51000 → 80  ACK, seq 7, ack 9, win 64240",
        "     Source Port: 51000",
        "     Destination Port: 80",
        "     Sequence Number: 7",
        "     Acknowledgment Number: 9",
        "     Data Offset: 20 bytes (5)",
        "     Reserved: 0",
        "   ▸ Flags: ACK",
        "     Window: 64240",
        "     Checksum: 0xabcd",
    ]
    unfolded = drawn(tree(folded=HEADERS - {"tcp"}))
    assert "   ▾ Flags: ACK\n       AE: 0\n       CWR: 0" in unfolded


def test_a_line_knows_its_field_and_a_hidden_field_the_line_that_hides_it() -> None:
    lines = tree(folded=frozenset({"tcp.flags"}))
    paths = [field.path for field in DISSECTION.fields]
    flags, syn = paths.index("tcp.flags"), paths.index("tcp.flags.syn")
    assert lines.field_at(lines.index_of(flags)) == flags
    assert lines.index_of(syn) == lines.index_of(flags)
    assert lines.field_at(0) is None
    assert lines.field_at(len(lines)) is None
    visible = [index for index in range(len(lines)) if lines.field_at(index) is not None]
    assert [lines.index_of(lines.field_at(index) or 0) for index in visible] == visible


KEYS = {7: [7, 5, 4, 3, 2, 1, 0], 5: [5, 3, 2, 1, 0, 0, 0], 4: [5, 3, 2, 1, 0, 0, 0]}


@pytest.mark.parametrize("model", KEYS)
def test_keys_one_to_seven_go_to_their_layer(model: int) -> None:
    assert [tree(model=model).layer_index(osi) for osi in range(1, 8)] == KEYS[model]
    assert tree(model=model).layer_index(8) is None


def test_the_selected_field_is_marked_on_its_line_alone() -> None:
    selected = [field.path for field in DISSECTION.fields].index("ipv4.ttl")
    lines = tree(folded=frozenset(), selected=selected)
    marked = [
        index for index in range(len(lines)) if any(span.role.endswith(SELECTED) for span in lines.draw(index, 60))
    ]
    assert marked == [lines.index_of(selected)]
    assert plain(lines.draw(marked[0], 60)).strip() == "Time to Live: 64"


def test_what_comes_folded_exists() -> None:
    paths = {field.path for field in DISSECTION.fields}
    assert {"tcp.flags", "ipv4.flags", "ipv4.tos"} <= DEFAULT_FOLDED & paths
    assert {"ipv4#2.flags", "tcp.options.nop#4", "tcp.options.eol"} <= DEFAULT_FOLDED  # tunnels, padding


@pytest.mark.parametrize("ascii_only", [False, True])
def test_every_line_is_exactly_as_wide_as_asked_in_roles_that_have_a_style(ascii_only: bool) -> None:
    wide = Field(1, "x.name", "Näme", "日本語のホスト … → ok", 0, 1, 0, 0, 0)
    layer = Layer(7, "協議", "x", "message", "", "", 0, 1, "摘要")
    header = Field(0, "x", "協議", "", 0, 1, 0, 0, 0)
    for dissection in (DISSECTION, Dissection((layer,), (header, wide))):
        lines = tree(dissection, frozenset(), 1, ascii=ascii_only)
        for width in (0, 1, 7, 20, 44, 160):
            for index in range(len(lines)):
                line = lines.draw(index, width)
                assert line_cells(line) == width
                assert {span.role for span in line} <= ROLES
                assert not ascii_only or plain(line).isascii()


def test_a_tunnel_keeps_its_order_the_innermost_packet_on_top() -> None:
    outer = bytes.fromhex("4500003c0001000040040000") + bytes(8)
    lines = tree(dissect(outer + ACK[14:], 228, original_length=60), frozenset())
    headers = [line.split()[:2] for line in drawn(lines).splitlines() if line.startswith(" ▾")]
    assert headers == [["▾", "L4"], ["▾", "L3"], ["▾", "L3"], ["▾", "L1"]]

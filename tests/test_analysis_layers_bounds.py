"""Whatever the bytes, a dissection is well formed: ranges in the packet, parts in wholes, headers side by side."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.layers import Dissection, dissect
from analysis.layers_build import MAX_FIELDS, MAX_LAYERS
from analysis.layers_next import LINK_TYPES
from capture.errors import CaptureError
from capture.source import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.layers import Field

ROOT = Path(__file__).parents[1]
CAPTURES = ROOT.parent / "shared" / "corpus" / "captures"
SECONDS = 8
"""For the corpus: some thousand packets."""

LINKS = st.sampled_from([*LINK_TYPES, 0, 12, 101, 108, 147])
SYN = bytes.fromhex(
    "020000000001020000000002" "8100" "0064" "0800"
    "4500003c000140004006000000000000" "0a000005" "0a000006"
    "c7380050000000070000000000a002faf00000" "0000020405b40402080a000000010000000001030307"
)  # fmt: skip
DNS = bytes.fromhex(
    "0200000000010200000000020800" "45000049000100004011000000000000" "0a000005" "0a000006"
    "0035c350003100000007818000010001000000000377777707657861"
    "6d706c6503636f6d0000010001c00c000100010000012c00045db8d822"
)  # fmt: skip
HELLO = bytes.fromhex(
    "33330000000102000000000286dd" "6000000000203aff" "fe80000000000000000000000000000a"
    "ff020000000000000000000000000001"
    "8700000000000000fe80000000000000000000000000000b0101020000000002"
)  # fmt: skip


def bits(field: Field) -> tuple[int, int]:
    first = field.offset * 8 + field.bit_offset
    return first, first + (field.bit_length or field.length * 8)


def assert_well_formed(dissection: Dissection, size: int) -> None:
    end = 0
    for layer in dissection.layers:
        assert 1 <= layer.osi <= 7
        if layer.header_length:
            assert layer.offset >= end, layer
            end = layer.offset + layer.header_length
    assert end <= size
    assert len({field.path for field in dissection.fields}) == len(dissection.fields)
    around: list[Field] = []
    for field in dissection.fields:
        assert (field.name + field.value).isprintable(), field
        del around[field.depth :]
        assert len(around) == field.depth, field
        if field.offset >= 0 and field.depth:
            first, last = bits(field)
            outer_first, outer_last = bits(around[-1])
            assert outer_first <= first <= last <= outer_last, (around[-1], field)
            assert field.length == (field.bit_offset + field.bit_length + 7) // 8 or not field.bit_length, field
        around.append(field)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.binary(max_size=300), link_type=LINKS)
def test_random_bytes_on_any_link(data: bytes, link_type: int) -> None:
    assert_well_formed(dissect(data, link_type, original_length=len(data)), len(data))


@settings(max_examples=300, deadline=None)
@given(
    packet=st.sampled_from([SYN, DNS, HELLO]),
    changes=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=6),
    length=st.integers(0, 120),
)
def test_packets_with_changed_bytes_and_cut_anywhere(
    packet: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(packet)
    for offset, value in changes:
        data[offset % len(data)] = value
    data = data[:length]
    assert_well_formed(dissect(bytes(data), 1, original_length=len(packet)), len(data))


def test_vlan_tags_without_end_are_cut_off() -> None:
    data = bytes(12) + b"\x81\0\0\1" * 5000
    dissection = dissect(data, 1, original_length=len(data))
    assert len(dissection.layers) <= MAX_LAYERS + 1
    assert dissection.layers[-1].summary.endswith("more headers than are shown")


def test_a_datagram_of_nothing_but_records_is_cut_off_in_time() -> None:
    records = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\0" * 5000
    message = b"\0\1\x84\0\0\0\x13\x88\0\0\0\0" + records
    udp = b"\0\x35\0\x35" + (len(message) + 8 & 0xFFFF).to_bytes(2) + b"\0\0" + message
    data = b"\x45\0\0\0\0\1\0\0\x40\x11\0\0" + bytes(8) + udp
    begun = time.perf_counter()
    dissection = dissect(data, 228, original_length=len(data))
    assert time.perf_counter() - begun < 3
    assert len(dissection.fields) <= MAX_FIELDS + MAX_LAYERS
    assert_well_formed(dissection, len(data))


def captured() -> Iterator[tuple[bytes, int, int]]:
    """Packets of the foreign captures (data, link type, original length) in a fixed order, until the time is up."""
    paths = sorted(CAPTURES.iterdir())
    random.Random(7).shuffle(paths)
    end = time.monotonic() + SECONDS
    for path in paths:
        try:
            with closing(open_source(path)) as source:
                for batch in islice(source.batches(), 1):
                    for row in range(0, min(len(batch), 200), 5):
                        if time.monotonic() > end:
                            return
                        start, length = int(batch.start[row]), int(batch.captured_length[row])
                        data = batch.buffer[start : start + length].tobytes()
                        yield data, int(batch.link_type[row]), int(batch.original_length[row])
        except CaptureError:
            continue  # files that are too damaged to open: other tests read those


@pytest.mark.slow
@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the corpus of foreign captures is not here")
def test_packets_of_foreign_captures() -> None:
    dissect(b"", 1, original_length=0)
    count = 0
    for data, link_type, original_length in captured():
        assert_well_formed(dissect(data, link_type, original_length=original_length), len(data))
        count += 1
    assert count > 500


def run(code: str, home: Path) -> str:
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(ROOT)}
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        environment.pop(name, None)
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_scapy_is_loaded_by_the_first_packet_and_leaves_no_file_in_the_home_directory(tmp_path: Path) -> None:
    code = (
        "import sys; from analysis.layers import dissect; before = 'scapy' in sys.modules;"
        f"dissect(bytes.fromhex('{SYN.hex()}'), 1, original_length={len(SYN)});"
        "print(before, 'scapy.all' in sys.modules, 'scapy.layers.tls' in sys.modules)"
    )
    assert run(code, tmp_path).split() == ["False", "False", "False"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_was_looked_at_before_changes_nothing(tmp_path: Path) -> None:
    code = (
        "from analysis.layers import dissect; from analysis.layers_next import LINK_TYPES, _BY_UDP_PORT;"
        "from analysis.layers_scapy import scapy_class;"
        f"packets = [bytes.fromhex(each) for each in {[SYN.hex(), DNS.hex(), HELLO.hex()]}];"
        "packets += [b'\\x45\\0\\0\\x26\\0\\1\\0\\0\\x40\\x11\\0\\0' + bytes(8)"
        " + bytes([p >> 8, p & 255, 9, 9, 0, 18, 0, 0]) + bytes(range(10))"
        " for p in (514, 500, 1900, 4500, 5060, 6635, 8472, 9999)];"
        "read = lambda: [dissect(each, 1 if each[0] != 0x45 else 228, original_length=99) for each in packets];"
        "before = read();"
        "[scapy_class(*place) for place in (*LINK_TYPES.values(), *_BY_UDP_PORT.values())];"
        "[scapy_class(m, '') for m in ('layers.isakmp', 'layers.netflow', 'contrib.bfd', 'layers.rtp', 'layers.smb')];"
        "print(before == read())"
    )
    assert run(code, tmp_path).split() == ["True"]

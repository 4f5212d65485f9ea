"""The large captures that benchmarks read are ones that a network could have carried: their checksums hold."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.analyser import Analyser
from analysis.checksums import Check, check_header, check_transport
from analysis.segments import is_tcp
from benchmarks import traffic
from benchmarks.make_capture import endless, flatten, header, mixed, scan, write_chunk
from capture.decode import decode_alone
from capture.protocol import Protocol
from capture.source import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.make_capture import Copies
    from benchmarks.traffic import Template

PACKETS = 3000
KINDS: dict[str, tuple[Callable[[], list[Template]], Callable[[list[Template]], Iterator[Copies]]]] = {
    "a mix": (traffic.mix, lambda templates: mixed(templates, PACKETS)),
    "one connection": (traffic.long_connection, lambda templates: endless(templates, PACKETS)),
    "a scan": (traffic.one_syn, lambda _: scan(PACKETS)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_all_checksums_of_a_made_capture_hold(kind: str, tmp_path: Path) -> None:
    make, copied = KINDS[kind]
    templates, out = make(), io.BytesIO()
    frames = flatten(templates, 262_144, pcapng=False)
    out.write(header(262_144, pcapng=False))
    for copies in copied(templates):
        write_chunk(out, templates, frames, copies, pcapng=False)
    path = tmp_path / "made.pcap"
    path.write_bytes(out.getvalue())
    checked = 0
    for batch in open_source(path).batches():
        headers = decode_alone(batch)
        v4 = np.isin(headers.protocol, (Protocol.TCP4, Protocol.UDP4))
        told = np.isin(headers.protocol, (Protocol.TCP4, Protocol.TCP6, Protocol.UDP4))
        assert (check_header(batch, headers)[v4] == Check.RIGHT).all()
        assert (check_transport(batch, headers)[told] == Check.RIGHT).all()
        checked += int(told.sum())
    assert checked >= PACKETS * 0.9


TOLD = ("packets", "payload_bytes", "unique_bytes", "completeness", "state", "syn", "syn_ack", "fin", "rst")


def told(path: Path, packets: int) -> tuple[int, set[tuple[str, ...]]]:
    """How many packets a mix of that many has, and which different kinds of TCP connections are told of it."""
    templates, analyser = traffic.mix(), Analyser()
    frames = flatten(templates, 96, pcapng=False)
    with path.open("wb") as out:
        out.write(header(96, pcapng=False))
        for copies in mixed(templates, packets):
            write_chunk(out, templates, frames, copies, pcapng=False)
    with open_source(path) as source:
        for batch in source.batches():
            analyser.feed(batch)
    table = analyser.connections.snapshot()
    tcp = np.array([is_tcp(protocol) for protocol in table.protocol.tolist()])
    kinds = {
        tuple(map(str, each))
        for each in zip(*(np.asarray(getattr(table, name))[tcp].tolist() for name in TOLD), strict=True)
    }
    return len(analyser.packets), kinds


@pytest.mark.slow
def test_the_same_conversations_are_told_alike_among_a_million_packets(tmp_path: Path) -> None:
    few, kinds = told(tmp_path / "few.pcap", 20_000)
    many, others = told(tmp_path / "many.pcap", 1_050_000)
    assert few < 100_000
    assert many > 1_000_000
    assert len(kinds) > 5
    assert others == kinds

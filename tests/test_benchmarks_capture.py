"""The large captures that benchmarks read are ones that a network could have carried: their checksums hold."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.checksums import Check, check_header, check_transport
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

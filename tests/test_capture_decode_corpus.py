"""The decoder against tshark 4.0 on captures that others made: every frame, every column that both tell.

Differences that are allowed, each for its reason, are written out in `differences`.
"""

from __future__ import annotations

import csv
import gzip
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from capture.decode import Decoder
from capture.errors import CaptureError
from capture.protocol import TCP_FLAGS, Flag, Protocol
from capture.source import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.headers import Endpoints, Headers

CORPUS = Path(__file__).parents[1].parent / "shared" / "corpus"
CAPTURES = sorted((CORPUS / "captures").iterdir()) if CORPUS.exists() else []

pytestmark = pytest.mark.skipif(not CAPTURES, reason="the corpus is not here")

TRANSPORTS = {
    **dict.fromkeys((Protocol.TCP4, Protocol.TCP6, Protocol.CUT_TCP4, Protocol.CUT_TCP6), "tcp"),
    **dict.fromkeys((Protocol.UDP4, Protocol.UDP6, Protocol.CUT_UDP4, Protocol.CUT_UDP6), "udp"),
}
TUNNELS = ("vxlan", "geneve", "gtp", "teredo", "l2tp", "ayiya", "gre", "udp:ip")


def expected_frames(capture: Path) -> list[dict[str, str]]:
    with gzip.open(CORPUS / "expected" / "tshark" / f"{capture.name}.frames.tsv.gz", "rt") as lines:
        frames = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        # tshark numbers pcapng's custom and journal blocks as frames, too; they have no link type.
        return [frame for frame in frames if frame["encap"]]


def ends_told(ends: Endpoints, row: int) -> tuple[str, str, str, str]:
    addresses: list[str] = []
    for high, low in (
        (ends.source_high[row], ends.source_low[row]),
        (ends.destination_high[row], ends.destination_low[row]),
    ):
        number = int(high) << 64 | int(low)
        kind = ipaddress.IPv4Address if ends.family[row] == 4 else ipaddress.IPv6Address
        addresses.append(str(kind(number)))
    return addresses[0], addresses[1], str(ends.source_port[row]), str(ends.destination_port[row])


def last(values: str) -> str:
    """tshark joins what occurs several times in a frame; the innermost comes last."""
    return values.rpartition(",")[2]


def differences(headers: Headers, row: int, frame: dict[str, str]) -> Iterator[str]:
    protocol = Protocol(headers.protocol[row])
    transport = TRANSPORTS.get(protocol, "")
    wanted = "" if frame["quoted"] else frame["l4"]
    if "sflow" in frame["protocols"]:
        wanted = "udp"  # the samples in sFlow are copies; the packet is the UDP datagram around them
    elif wanted == "udp" and transport == "" and any(name in frame["protocols"] for name in TUNNELS):
        # A tunnel's inner packet that is neither TCP nor UDP: tshark's last transport is the outer one, our mention.
        outer = np.flatnonzero(headers.mentions.row == row)
        assert len(outer), "the outer UDP is not mentioned"
        # (The addresses that stand with it in the table are the inner ones.)
        if ends_told(headers.mentions.endpoints, int(outer[-1]))[2:] != ends_wanted(frame)[2:]:
            yield f"ports {ends_wanted(frame)[2:]} are not those of the mention"
        return
    if transport != wanted:
        yield f"l4 {wanted} is told as {protocol.name}"
    elif transport and "sflow" not in frame["protocols"]:
        if ends_told(headers.endpoints, row) != ends_wanted(frame):
            yield f"ends {ends_wanted(frame)} are told as {ends_told(headers.endpoints, row)}"
        if protocol in {Protocol.TCP4, Protocol.TCP6}:  # of a header that was cut we tell no numbers
            yield from segment_differences(headers, row, frame)


def ends_wanted(frame: dict[str, str]) -> tuple[str, str, str, str]:
    return frame["src"], frame["dst"], frame["sport"], frame["dport"]


def segment_differences(headers: Headers, row: int, frame: dict[str, str]) -> Iterator[str]:
    flags = int(headers.flags[row])
    told = {
        "seq_raw": int(headers.sequence[row]),
        "ack_raw": int(headers.acknowledgment[row]),
        "win_raw": int(headers.window[row]),
        "tcp_flags": flags & TCP_FLAGS,
        "tcp_len": int(headers.payload_length[row]),
    }
    for name, number in told.items():
        wanted = last(frame[name])
        if not wanted:
            # tshark tells no numbers of a header that ends before its window or says that it is shorter than 20
            # bytes, and no length of a segment that is a header quoted or longer than its packet. We keep the
            # numbers that are there, and say so by the flag.
            if not flags & Flag.NOT_ANALYSED:
                yield f"{name} is told as {number}"
        # tshark 4.0 shows the three reserved bits with the flags.
        elif number != (int(wanted, 0) & TCP_FLAGS if name == "tcp_flags" else int(wanted, 0)):
            yield f"{name} {wanted} is told as {number}"


def syn_differences(headers: Headers, frames: list[dict[str, str]]) -> Iterator[str]:
    options = headers.syn_options
    for row, mss, scale in zip(options.row.tolist(), options.mss.tolist(), options.window_scale.tolist(), strict=True):
        frame = frames[row]
        if frame["quoted"] or frame["malformed"] or headers.flags[row] & Flag.NOT_ANALYSED:
            continue
        if last(frame["mss"]) != ("" if mss < 0 else str(mss)):
            yield f"frame {frame['frame']}: mss {frame['mss']} is told as {mss}"
        # tshark shows the shift as sent, which RFC 7323 caps at 14.
        wanted = last(frame["wscale"])
        if (min(int(wanted), 14) if wanted else -1) != scale:
            yield f"frame {frame['frame']}: wscale {wanted} is told as {scale}"


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_every_frame_is_told_as_tshark_tells_it(capture: Path) -> None:
    frames = expected_frames(capture)
    try:
        source = open_source(capture)
    except CaptureError:
        pytest.skip("not a capture that can be opened, or of a format that is not read")
    found: list[str] = []
    with source:
        decoder, done = Decoder(), 0
        for batch in source.batches():
            headers = decoder.decode(batch)
            here = frames[done : done + len(headers)]
            for row, frame in enumerate(here):
                found += [f"frame {frame['frame']}: {text}" for text in differences(headers, row, frame)]
            if len(here) == len(headers):
                found += syn_differences(headers, here)
            done += len(headers)
    assert found == []

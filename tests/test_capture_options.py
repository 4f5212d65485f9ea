"""TCP options of SYNs, in bulk."""

from __future__ import annotations

from capture.decode import decode_alone
from packet_builder import batch_of, ethernet, ipv4, ipv6, tcp

SYN = 0x02
MSS = b"\x02\x04\x05\xb4"
SCALE = b"\x03\x03\x07"
SACK_PERMITTED = b"\x04\x02"
TIMESTAMPS = b"\x08\x0a\0\0\0\x01\0\0\0\x02"
NOP = b"\x01"

# Options; then MSS, window scale, SACK permitted, timestamps, Fast Open cookie.
SYNS = {
    "none": (b"", (-1, -1, False, False, -1)),
    "as Linux sends them": (MSS + SACK_PERMITTED + TIMESTAMPS + NOP + SCALE, (1460, 7, True, True, -1)),
    "as Windows sends them": (MSS + NOP + b"\x03\x03\x08" + NOP * 2 + SACK_PERMITTED, (1460, 8, True, False, -1)),
    "the largest MSS": (b"\x02\x04\xff\xff", (65535, -1, False, False, -1)),
    "a scale larger than RFC 7323 allows": (b"\x03\x03\xff\x00", (-1, 14, False, False, -1)),
    "a Fast Open request": (b"\x22\x02\0\0", (-1, -1, False, False, 0)),
    "a Fast Open cookie": (b"\x22\x0a" + b"cookie!!" + b"\0\0", (-1, -1, False, False, 8)),
    "an experimental Fast Open cookie": (b"\xfe\x0c\xf9\x89" + b"cookie!!", (-1, -1, False, False, 8)),
    "another experiment": (b"\xfe\x04\x12\x34", (-1, -1, False, False, -1)),
    "after the end of the list": (b"\0\0\0\0" + MSS, (-1, -1, False, False, -1)),
    "an unknown option is passed over": (b"\xc8\x04\xab\xcd" + MSS, (1460, -1, False, False, -1)),
    "of the wrong length": (b"\x02\x03\x05" + NOP + b"\x03\x04\x01\x01" + b"\x04\x03\0\0", (-1, -1, False, False, -1)),
    "of length 0": (b"\xc8\0" + MSS + b"\0\0", (-1, -1, False, False, -1)),
    "beyond the header": (b"\xc8\xff\0\0" + MSS, (-1, -1, False, False, -1)),
    "the last of several": (MSS + b"\x02\x04\x02\x00", (512, -1, False, False, -1)),
    "forty bytes": (NOP * 36 + MSS, (1460, -1, False, False, -1)),
}


def test_the_options_of_syns_in_bulk() -> None:
    frames = [
        ethernet(ipv4(tcp(flags=SYN, options=options + bytes(-len(options) % 4)))) for options, _ in SYNS.values()
    ]
    frames.insert(0, ethernet(ipv4(tcp(options=MSS))))  # no SYN: not read
    frames.append(ethernet(ipv6(tcp(flags=SYN | 0x10, options=MSS)), 0x86DD))  # by the other way through the decoder
    found = decode_alone(batch_of(frames)).syn_options
    assert found.row.tolist() == list(range(1, len(frames)))
    told = list(
        zip(
            found.mss.tolist(),
            found.window_scale.tolist(),
            found.sack_permitted.tolist(),
            found.timestamps.tolist(),
            found.fast_open.tolist(),
            strict=True,
        )
    )
    for (name, (_, expected)), numbers in zip(SYNS.items(), told[:-1], strict=True):
        assert numbers == expected, name
    assert told[-1] == (1460, -1, False, False, -1)


def test_options_behind_the_captured_part_are_not_read() -> None:
    whole = ethernet(ipv4(tcp(flags=SYN, options=MSS + SCALE + NOP)))
    found = decode_alone(batch_of([whole[:58], whole[:57], whole])).syn_options
    assert found.mss.tolist() == [1460, -1, 1460]
    assert found.window_scale.tolist() == [-1, -1, 7]

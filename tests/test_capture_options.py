"""TCP options: of SYNs in bulk, and of one header in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.decode import decode_alone
from capture.options import TcpOption, read_options
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


NAMED = {
    MSS: TcpOption(2, "Maximum Segment Size", "1460 bytes", (1460,)),
    SCALE: TcpOption(3, "Window Scale", "7 (multiply by 128)", (7,)),
    b"\x03\x03\x0f": TcpOption(3, "Window Scale", "15 (multiply by 16384)", (15,)),
    SACK_PERMITTED: TcpOption(4, "SACK Permitted", "", ()),
    b"\x05\x12" + bytes(3) + b"\x01" + bytes(3) + b"\x05" + bytes(3) + b"\x08" + bytes(3) + b"\x09": TcpOption(
        5, "SACK", "1-5, 8-9", (1, 5, 8, 9)
    ),
    TIMESTAMPS: TcpOption(8, "Timestamps", "value 1, echo reply 2", (1, 2)),
    b"\x1c\x04\x80\x05": TcpOption(28, "User Timeout", "5 minutes", (0x8005,)),
    b"\x22\x02": TcpOption(34, "Fast Open Cookie", "cookie request", (0,)),
    b"\x22\x06abcd": TcpOption(34, "Fast Open Cookie", "cookie 61626364", (4,)),
    b"\xfd\x06\xf9\x89ab": TcpOption(253, "Fast Open Cookie (experimental)", "cookie 6162", (2,)),
    b"\xfd\x04\x12\x34": TcpOption(253, "Experiment 1", "12 34", ()),
    b"\x1e\x04\x01\x00": TcpOption(30, "Multipath TCP MP_CAPABLE", "01 00", (0,)),
    b"\x1e\x04\x20\x00": TcpOption(30, "Multipath TCP DSS", "20 00", (2,)),
    b"\x1e\x04\xf0\x00": TcpOption(30, "Multipath TCP subtype 15", "f0 00", (15,)),
    b"\xc8\x04\xab\xcd": TcpOption(200, "Option 200", "ab cd", ()),
    b"\x02\x03\x05": TcpOption(2, "Maximum Segment Size", "05", ()),
    b"\x05\x06\0\0\0\x01": TcpOption(5, "SACK", "00 00 00 01", ()),
}


@pytest.mark.parametrize("option", NAMED, ids=lambda option: option.hex())
def test_one_option_in_words(option: bytes) -> None:
    assert read_options(tcp(options=option + bytes(-len(option) % 4)))[0] == NAMED[option]


def test_a_header_s_options_in_order() -> None:
    options = read_options(tcp(b"data", options=MSS + NOP + SCALE))
    assert [option.name for option in options] == ["Maximum Segment Size", "No-Operation", "Window Scale"]


def test_options_end_where_they_stop_making_sense() -> None:
    options = read_options(tcp(options=NOP + b"\x05\x1e" + NOP))
    assert options[1] == TcpOption(5, "SACK", "cut short, or of an impossible length", ())
    assert len(options) == 2
    assert read_options(tcp(options=b"\0\0\0\0")) == (TcpOption(0, "End of Option List", "", ()),)
    assert read_options(b"too short") == ()


@given(st.binary(max_size=80))
def test_any_bytes_can_be_read(content: bytes) -> None:
    for option in read_options(content):
        assert option.name
        assert option.text.isprintable()

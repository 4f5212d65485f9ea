"""How numbers are written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from views.durations import address, clock, count, delta, duration, moment, sequence, shorten_middle, since_start, size
from views.options import TimeFormat

MS, S = 1_000_000, 1_000_000_000

DURATIONS = {
    0: "0.0 ms",
    7: "7 ns",
    23_400: "23 µs",
    100_000: "0.1 ms",
    30_100_000: "30.1 ms",
    999_960_000: "1.000 s",
    1_204_113_000: "1.204 s",
    59_999_900_000: "1 min 0 s",
    125 * S: "2 min 5 s",
    (3 * 60 + 12) * 60 * S: "3 h 12 min",
    52 * 3600 * S: "2 d 4 h",
    -30 * MS: "-30.0 ms",
}
SIZES = {0: "0 B", 9_999: "9999 B", 12_345: "12.3 kB", 999_960: "1.0 MB", 4_200_000_000: "4.2 GB"}
COUNTS = {19: "19", 99_999: "99999", 123_456: "123k", 999_999: "1.0M", 123_456_789: "123M"}


def test_durations_take_the_unit_that_fits() -> None:
    for nanoseconds, text in DURATIONS.items():
        assert duration(nanoseconds) == text


def test_sizes_and_counts_are_exact_while_they_are_small() -> None:
    assert {number: size(number) for number in SIZES} == SIZES
    assert {number: count(number) for number in COUNTS} == COUNTS


def test_times_are_written_as_the_person_wants() -> None:
    start = 1_790_000_000 * S
    now = start + 30_100_000
    assert moment(now, None, start, TimeFormat.DELTA) == "0.0ms"
    assert moment(now, start, start, TimeFormat.DELTA) == "+30.1ms"
    assert moment(start, now, start, TimeFormat.DELTA) == "-30.1ms"
    assert moment(now, start, start, TimeFormat.START) == "0.030100"
    assert moment(now, start, start, TimeFormat.UTC) == "14:13:20.030100"
    assert since_start(-1_500_000) == "-0.001500"


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_time_can_be_written(nanoseconds: int) -> None:
    assert len(clock(nanoseconds, local=True)) == len(clock(nanoseconds, local=False)) == 15
    assert len(delta(nanoseconds)) <= 12
    assert duration(nanoseconds)


def test_addresses_are_written_in_their_familys_way() -> None:
    assert address(4, 0, 0x0A000005) == "10.0.0.5"
    assert address(6, 0x20010DB8_00000000, 1) == "2001:db8::1"
    assert address(1, 0, 0x020000000009) == "02:00:00:00:00:09"
    assert address(0, 0, 0) == ""


def test_a_long_address_keeps_both_its_ends() -> None:
    assert shorten_middle("[2001:db8::1]:80", 20) == "[2001:db8::1]:80"
    assert shorten_middle("[2001:db8:1:2:3:4:5:6]:51000", 16) == "[2001:…:6]:51000"
    assert [len(shorten_middle("[2001:db8::1]:80", width)) for width in range(17)] == list(range(17))


def test_sequence_numbers_wrap() -> None:
    assert sequence(5, 0xFFFF_FFF0, relative=True) == 21
    assert sequence(5, 0xFFFF_FFF0, relative=False) == 5

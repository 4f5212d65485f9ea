"""The playback clock: a position in packet time for every moment of a clock that tests turn by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.playback import IDLE_SECONDS, SPEEDS, Playback

MS = 1_000_000
TIMES = np.array([0, 100, 100, 300, 60_000, 60_100], np.int64) * MS


class Hand:
    """A clock in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def started(speed: str = "1") -> tuple[Playback, Hand]:
    clock = Hand()
    playback = Playback(TIMES, clock)
    playback.faster(SPEEDS.index(Fraction(speed)) - SPEEDS.index(Fraction(1)))
    playback.play(0)
    return playback, clock


STORIES = {
    # speed: (seconds since play, row), each asked in turn
    "1": [(0.0, 0), (0.05, 0), (0.11, 2), (0.2, 2), (0.31, 3), (1.2, 3), (1.31, 4), (1.42, 5), (99.0, 5)],
    "2": [(0.04, 0), (0.06, 2), (0.16, 3), (1.1, 3), (1.16, 4), (1.22, 5)],
    "1/4": [(0.3, 0), (0.41, 2), (1.1, 2), (1.21, 3), (2.1, 3), (2.21, 4)],
    "1000": [(0.001, 3), (0.05, 3), (0.07, 5)],
}


@pytest.mark.parametrize("speed", STORIES)
def test_each_packet_comes_when_its_time_has_come(speed: str) -> None:
    playback, clock = started(speed)
    for seconds, row in STORIES[speed]:
        clock.seconds = seconds
        assert playback.row() == row, seconds


def test_long_silences_are_cut_and_said() -> None:
    playback, clock = started()
    clock.seconds = 0.35
    assert playback.row() == 3
    assert playback.skipping
    clock.seconds = 0.3 + IDLE_SECONDS + 0.01
    assert playback.row() == 4
    assert not playback.skipping


def test_pause_keeps_the_place_and_play_goes_on_from_it() -> None:
    playback, clock = started()
    clock.seconds = 0.15
    playback.pause()
    clock.seconds = 50.0
    assert (playback.row(), playback.playing, playback.active) == (2, False, True)
    playback.play(2)
    clock.seconds = 50.19
    assert playback.row() == 2
    clock.seconds = 50.21
    assert playback.row() == 3


def test_another_speed_while_playing_jumps_nowhere() -> None:
    playback, clock = started()
    clock.seconds = 0.31
    playback.faster(100)
    assert playback.speed == 1000
    assert playback.row() == 3
    playback.faster(-100)
    assert playback.speed == Fraction(1, 4)
    assert playback.row() == 3


def test_play_on_the_last_packet_begins_again_and_stop_dims_nothing() -> None:
    playback, clock = started()
    clock.seconds = 100.0
    assert playback.row() == len(TIMES) - 1
    playback.stop()
    assert not playback.active
    playback.play(len(TIMES) - 1)
    assert playback.row() == 0


def test_a_growing_capture_goes_on() -> None:
    playback, clock = started()
    clock.seconds = 100.0
    assert playback.row() == 5
    playback.extend(np.append(TIMES, TIMES[-1] + 50 * MS))
    playback.seek(5)
    clock.seconds = 100.06
    assert playback.row() == 6


@given(
    st.lists(st.integers(-(2**40), 2**62), min_size=1, max_size=60),
    st.lists(st.floats(0, 5), max_size=20),
    st.integers(-9, 9),
)
def test_any_times_in_any_order_play_forward_to_the_end(times: list[int], waits: list[float], speed: int) -> None:
    clock = Hand()
    playback = Playback(np.array(times, np.int64), clock)
    playback.faster(speed)
    playback.play(0)
    row = 0
    for wait in waits:
        clock.seconds += wait
        assert row <= playback.row() < len(times)
        row = playback.row()
    clock.seconds += IDLE_SECONDS * len(times) + 1
    assert playback.row() == len(times) - 1

"""Panes cover the screen and never overlap, at every size and for every wish; what each size shows."""

from __future__ import annotations

import itertools

import pytest

from tui.layout import Explain, Pane, Wishes, arrange

WISHES = [
    Wishes(connections, bytes_, layers, explain, maximised, many=many, lanes=9, notice=notice, machines=machines)
    for connections, bytes_, layers, explain, maximised, many, notice, machines in itertools.product(
        (None, True, False),
        (None, True, False),
        (False, True),
        Explain,
        (None, Pane.BYTES),
        (False, True),
        (0, 1, 3),
        (False, True),
    )
]
SIZES = [
    (1, 1),
    (3, 2),
    (20, 5),
    (40, 12),
    (59, 20),
    (80, 24),
    (115, 29),
    (116, 30),
    (120, 40),
    (160, 44),
    (160, 48),
    (300, 90),
]


@pytest.mark.parametrize("size", SIZES)
def test_panes_cover_the_screen_without_overlap(size: tuple[int, int]) -> None:
    width, height = size
    for wishes in WISHES:
        regions = arrange(width, height, wishes)
        assert sum(region.area for region in regions.values()) == width * height, (wishes, regions)
        for one, other in itertools.combinations(regions.values(), 2):
            assert not one.overlaps(other), (wishes, regions)
        assert all(region.width > 0 and region.height > 0 for region in regions.values()), (wishes, regions)


SHOWN = {
    # size, wishes: panes besides the ladder
    (80, 24): "status explanation layers-strip time-strip keys",
    (120, 40): "status layers bytes explanation time-strip keys",
    (160, 48): "status connections layers bytes explanation timeline keys",
    (20, 5): "status",
}


@pytest.mark.parametrize("size", SHOWN)
def test_what_a_size_shows(size: tuple[int, int]) -> None:
    regions = arrange(*size, Wishes())
    assert set(regions) - {Pane.LADDER} == set(SHOWN[size].split())
    assert regions[Pane.LADDER].height >= 3


def test_the_ladder_never_goes_unless_something_else_was_asked_for() -> None:
    for size, wishes in itertools.product(SIZES, WISHES):
        if wishes.maximised is None and not wishes.connections:
            assert (Pane.MACHINES if wishes.machines else Pane.LADDER) in arrange(*size, wishes)


def test_what_was_asked_for_is_shown_where_there_is_any_room() -> None:
    for size in SIZES:
        if size[1] >= 12:
            assert Pane.CONNECTIONS in arrange(*size, Wishes(connections=True))
            assert Pane.BYTES in arrange(*size, Wishes(bytes=True))
            assert Pane.LAYERS in arrange(*size, Wishes(layers=True))
        assert set(arrange(*size, Wishes(maximised=Pane.TIMELINE))) <= {Pane.STATUS, Pane.TIMELINE, Pane.KEYS}


def test_a_ladder_at_80_by_24_has_the_sketch_s_room() -> None:
    assert arrange(80, 24, Wishes())[Pane.LADDER].size == (80, 14)
    assert arrange(160, 48, Wishes())[Pane.LADDER].width >= 75


def test_one_connection_leaves_its_room_to_the_packet() -> None:
    panes = arrange(160, 48, Wishes(many=False))
    assert panes[Pane.LADDER].width == 82
    assert panes[Pane.BYTES].width == 78  # sixteen bytes a row
    assert arrange(250, 70, Wishes(many=False))[Pane.LAYERS].width == 120
    assert Pane.TIMELINE not in panes
    assert panes[Pane.TIME_STRIP].height == 2


def test_a_list_above_leaves_the_rest_to_the_ladder_where_there_is_height() -> None:
    panes = arrange(120, 40, Wishes(connections=True, lanes=6))
    assert panes[Pane.CONNECTIONS].size == (120, 8)  # a title, a head and six connections
    assert panes[Pane.LADDER].y == panes[Pane.CONNECTIONS].bottom
    assert Pane.LAYERS in panes
    many = arrange(120, 40, Wishes(connections=True, lanes=66_000))
    assert many[Pane.CONNECTIONS].height >= many[Pane.LADDER].height - 1
    assert Pane.LADDER not in arrange(80, 24, Wishes(connections=True, lanes=6))


def test_explanation_goes_round() -> None:
    assert Explain.SHORT.next is Explain.FULL
    assert Explain.OFF.next is Explain.SHORT

"""Spans, cells and safe text: what a terminal is given is exactly as wide as asked, whatever the capture holds."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from views.text import LATER, ROLES, SELECTED, Span, cells, cut, fit, line_cells, plain, safe, split_role, with_modifier
from views.wrapping import wrap

SAFE = {
    "plain words": "plain words",
    "\x1b[31mred\x07": r"\x1b[31mred\x07",
    "line\nbreak\ttab": r"line\x0abreak\x09tab",
    "abc\u202eevil": r"abc\u202eevil",
    "zero\u200bwidth": r"zero\u200bwidth",
    "half \ud83d": r"half \ud83d",
    "e\u0301": "é",
    "a\u0489": r"a\u0489",
    "\x9b31m": r"\x9b31m",
    "网络": "网络",
}


def test_what_could_act_on_a_terminal_becomes_visible() -> None:
    for text, shown in SAFE.items():
        assert safe(text) == shown


@given(st.text())
def test_safe_text_holds_nothing_that_is_not_drawn(text: str) -> None:
    for character in safe(text):
        assert unicodedata.category(character)[0] not in "CM"
        assert character == " " or unicodedata.category(character)[0] != "Z"


@given(st.text())
def test_cells_of_safe_text_are_those_the_screen_library_counts(text: str) -> None:
    assert cells(safe(text)) == cell_len(safe(text))


@given(st.lists(st.tuples(st.text(), st.sampled_from(["", "syn", "bad.later"]))), st.integers(0, 60))
def test_a_fitted_line_is_exactly_so_wide(parts: list[tuple[str, str]], width: int) -> None:
    line = fit(tuple(Span(safe(text), role) for text, role in parts), width)
    assert line_cells(line) == width
    assert {span.role for span in line} <= ROLES


def test_fit_cuts_pads_and_never_splits_a_wide_character() -> None:
    assert plain(fit((Span("abcdef", ""),), 4)) == "abcd"
    assert plain(fit((Span("ab", "syn"),), 4)) == "ab  "
    assert plain(fit((Span("网络", ""),), 3)) == "网 "
    assert cut("abcdef", 4, "…") == "abc…"
    assert cut("网络", 3, "…") == "网…"


def test_roles_take_one_modifier() -> None:
    line = with_modifier((Span("a", "syn"), Span("b", "fin" + LATER)), SELECTED)
    assert [span.role for span in line] == ["syn.selected", "fin.later"]
    assert split_role("syn.selected") == ("syn", SELECTED)
    assert split_role("syn") == ("syn", "")


@given(st.text(max_size=200), st.integers(2, 60))
def test_wrapped_lines_fit_and_lose_no_letter(text: str, width: int) -> None:
    lines = wrap(safe(text), width)
    assert all(cells(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == safe(text).replace(" ", "")


def test_wrapping_breaks_at_spaces_and_inside_chinese() -> None:
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap("三次握手完成", 8) == ["三次握手", "完成"]
    assert wrap("unbreakable", 4) == ["unbr", "eaka", "ble"]

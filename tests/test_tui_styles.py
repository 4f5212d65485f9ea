"""Every role has a style in every theme, legible where there are colours, colourless where there are none."""

from __future__ import annotations

import pytest
from rich.color import ColorType

from tui.styles import CONTRAST, DARK, LIGHT, PALETTES, PLAIN, SIXTEEN, first_theme, role_styles, themes
from tui.terminal import colours
from views.text import BASE_ROLES, LATER, ROLES, SELECTED

TRUE = (DARK, LIGHT, CONTRAST)


def luminance(triplet: tuple[int, int, int]) -> float:
    """Relative luminance of WCAG 2.1."""
    parts = [part / 255 for part in triplet]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(theme: str, role: str) -> float:
    style = role_styles(theme)[role]
    assert style.color is not None
    assert style.bgcolor is not None
    light, dark = sorted(
        (luminance(style.color.get_truecolor()), luminance(style.bgcolor.get_truecolor())), reverse=True
    )
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", PALETTES)
def test_every_role_is_styled(theme: str) -> None:
    assert role_styles(theme).keys() == ROLES


@pytest.mark.parametrize("theme", TRUE)
def test_text_can_be_read(theme: str) -> None:
    least = 7.0 if theme == CONTRAST else 4.5  # WCAG 2.1 levels AAA and AA
    for role in BASE_ROLES - {"rule"}:
        assert contrast(theme, role) >= least, role
        assert contrast(theme, role + SELECTED) >= least * 0.8, role
    for role in BASE_ROLES - {"rule", "dim", "offset"}:
        assert 1.6 <= contrast(theme, role + LATER) < contrast(theme, role), role


@pytest.mark.parametrize("theme", [PLAIN, SIXTEEN])
def test_few_colours_stay_few(theme: str) -> None:
    allowed = {ColorType.DEFAULT} if theme == PLAIN else {ColorType.DEFAULT, ColorType.STANDARD}
    for role, style in role_styles(theme).items():
        assert {colour.type for colour in (style.color, style.bgcolor) if colour is not None} <= allowed, role


@pytest.mark.parametrize("theme", PALETTES)
def test_what_matters_is_told_apart_without_colour(theme: str) -> None:
    styles = role_styles(theme)
    assert styles["syn"] != styles["syn" + SELECTED]
    assert styles["syn"] != styles["syn" + LATER]
    assert styles["byte"] != styles["byte-field"]


FIRST = {
    ("NO_COLOR=1", "COLORTERM=truecolor"): PLAIN,
    ("NO_COLOR=", "COLORTERM=truecolor"): DARK,  # no-color.org: present and not empty
    ("TERM=xterm-256color",): DARK,
    ("TERM=linux",): SIXTEEN,
    ("TERM=xterm",): SIXTEEN,
    ("TERM=xterm", "COLORTERM=24bit"): DARK,
}


@pytest.mark.parametrize("variables", FIRST)
def test_the_first_theme_suits_the_terminal(variables: tuple[str, ...]) -> None:
    environment = dict(variable.split("=", 1) for variable in variables)
    assert first_theme(environment, colours(environment)) == FIRST[variables]


def test_themes_have_the_palettes_names() -> None:
    assert [theme.name for theme in themes()] == list(PALETTES)

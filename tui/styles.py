"""What each role looks like: the one place where views' meanings become colours.

Five themes. Three have true colours from the Okabe–Ito palette, which people with any kind of colour vision can tell
apart; one keeps to a terminal's 16 colours; one has no colour at all (NO_COLOR) and uses bold, dim and reverse. No role
is told by colour alone: views give each its own glyph or word.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.color import Color
from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

from views.text import LATER, ROLES, SELECTED, split_role

if TYPE_CHECKING:
    from collections.abc import Mapping


class Palette(NamedTuple):
    """Inks by name; None is the terminal's own colour."""

    background: str | None
    panel: str | None  # bars at the top and the bottom
    selected: str | None  # behind the selected line
    text: str | None
    dim: str | None
    rule: str | None
    orange: str | None
    sky: str | None
    green: str | None
    yellow: str | None
    blue: str | None
    red: str | None
    purple: str | None
    dark: bool = True


NOTHING: Final = (None,) * 12

PALETTES: Final[Mapping[str, Palette]] = {
    "netviz-dark": Palette(
        "#11151a", "#1b222b", "#26323f", "#d9dfe6", "#8b96a3", "#46515d",
        "#e69f00", "#56b4e9", "#1fb88d", "#f0e442", "#5aa0dc", "#e8703a", "#d68bb5",
    ),
    "netviz-light": Palette(
        "#fbfbf8", "#e9ebe6", "#d5e4f2", "#1d242b", "#5d6770", "#a9b1b8",
        "#8a5d00", "#005f95", "#00664a", "#6b6200", "#004f80", "#a63c00", "#8f3068",
        dark=False,
    ),
    "netviz-contrast": Palette(
        "#000000", "#000000", "#002f4a", "#ffffff", "#c8c8c8", "#a0a0a0",
        "#ffb833", "#7fd0ff", "#2ee6b0", "#fff45c", "#8fc4ff", "#ff8f57", "#ffa6d6",
    ),
    "netviz-16": Palette(
        "default", "default", None, "default", None, None,
        "yellow", "cyan", "green", "bright_yellow", "bright_blue", "bright_red", "magenta",
    ),
    "netviz-plain": Palette("default", *NOTHING),
}  # fmt: skip
DARK, LIGHT, CONTRAST, SIXTEEN, PLAIN = PALETTES

_INKS: Final[Mapping[str, tuple[str, str]]] = {
    # role: (ink, attributes)
    "": ("text", ""),
    "title": ("text", "bold"),
    "head": ("text", "bold"),
    "rule": ("rule", "dim"),
    "dim": ("dim", "dim"),
    "strong": ("text", "bold"),
    "key": ("sky", "bold"),
    "fold": ("dim", "italic"),
    "selection": ("orange", "bold"),
    "cursor": ("orange", "bold"),
    "progress": ("green", "bold"),
    "time": ("dim", ""),
    "lifeline": ("dim", ""),
    "state": ("text", "bold"),
    "state-inferred": ("text", "italic"),
    "syn": ("green", "bold"),
    "fin": ("purple", "bold"),
    "rst": ("red", "bold"),
    "data": ("sky", ""),
    "ack": ("dim", "dim"),
    "retransmitted": ("orange", "bold"),
    "datagram": ("yellow", ""),
    "packet-unknown": ("dim", "italic"),
    "from-client": ("sky", ""),
    "from-server": ("orange", ""),
    "connection-0": ("sky", ""),
    "connection-1": ("orange", ""),
    "connection-2": ("green", ""),
    "connection-3": ("purple", ""),
    "connection-4": ("yellow", ""),
    "connection-5": ("red", ""),
    "good": ("green", ""),
    "note": ("sky", ""),
    "warning": ("orange", "bold"),
    "bad": ("red", "bold"),
    "layer-1": ("dim", "bold"),
    "layer-2": ("purple", "bold"),
    "layer-3": ("orange", "bold"),
    "layer-4": ("sky", "bold"),
    "layer-5": ("blue", "bold"),
    "layer-6": ("yellow", "bold"),
    "layer-7": ("green", "bold"),
    "empty": ("dim", "dim italic"),
    "name": ("dim", ""),
    "value": ("text", ""),
    "address": ("sky", ""),
    "offset": ("dim", "dim"),
    "byte": ("text", ""),
    "byte-text": ("dim", ""),
    "byte-field": ("orange", "reverse bold"),
    "byte-text-field": ("orange", "reverse bold"),
    "byte-layer": ("orange", ""),
    "byte-text-layer": ("orange", ""),
}

_TOWARDS_BACKGROUND: Final = 0.6
"""How far an ink of what comes later fades: still legible, clearly not there yet."""


def _faded(ink: str, background: str) -> Color:
    """`ink` mixed with the background."""
    front, back = Color.parse(ink).get_truecolor(), Color.parse(background).get_truecolor()
    mixed = (round(a + (b - a) * _TOWARDS_BACKGROUND) for a, b in zip(front, back, strict=True))
    return Color.from_rgb(*mixed)


def _style(palette: Palette, ink: str, attributes: str, modifier: str) -> Style:
    colour: str | None = getattr(palette, ink)
    true_colour = palette.background is not None and palette.background.startswith("#")
    if true_colour:  # an ink of its own says what SGR dim would say, and is legible everywhere
        attributes = attributes.replace("dim", "")
    style = Style.parse(attributes) if attributes.strip() else Style()
    shade: Color | str | None = colour
    if modifier == LATER:
        if true_colour:
            assert colour is not None
            assert palette.background is not None
            shade = _faded(colour, palette.background)
            style += Style(bold=False)
        else:
            style += Style(dim=True)
    style += Style(color=shade, bgcolor=palette.background)
    return style + selected(palette) if modifier == SELECTED else style


def selected(palette: Palette) -> Style:
    """What the selected line adds to its styles."""
    return Style(reverse=True) if palette.selected is None else Style(bgcolor=palette.selected)


@lru_cache(maxsize=16)
def role_styles(theme: str) -> Mapping[str, Style]:
    """Every role's style in a theme of `PALETTES`; another theme's name gives the dark one's."""
    palette = PALETTES.get(theme, PALETTES[DARK])
    parts = {role: split_role(role) for role in ROLES}
    return {role: _style(palette, *_INKS[base], modifier) for role, (base, modifier) in parts.items()}


@lru_cache(maxsize=16)
def selected_style(theme: str) -> Style:
    """What the selected line adds to its styles in a theme."""
    return selected(PALETTES.get(theme, PALETTES[DARK]))


def themes() -> list[Theme]:
    """The Textual themes that go with the palettes, for dialogs and inputs."""
    return [_theme(name, palette) for name, palette in PALETTES.items()]


def _theme(name: str, palette: Palette) -> Theme:
    if not (palette.background or "").startswith("#"):
        return replace(BUILTIN_THEMES["ansi-dark"], name=name)
    return Theme(
        name=name, primary=palette.sky or "", secondary=palette.blue, warning=palette.orange, error=palette.red,
        success=palette.green, accent=palette.orange, foreground=palette.text, background=palette.background,
        surface=palette.background, panel=palette.panel, dark=palette.dark,
    )  # fmt: skip


def first_theme(environment: Mapping[str, str], colours: int | None) -> str:
    """The theme to begin with: NO_COLOR, then what the terminal can do (`colours`: 16 or fewer, or None for many)."""
    if environment.get("NO_COLOR"):
        return PLAIN
    return SIXTEEN if colours is not None and colours <= 16 else DARK

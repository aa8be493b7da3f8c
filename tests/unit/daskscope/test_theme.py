"""The tokens keep the contrasts and distances that they were chosen for."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from daskscope.paint.brush import DROPPED_SHARE, LOST_SHARE, RUNNING_SHARE
from daskscope.theme import DARK, LIGHT, NORMAL, Theme, mixed
from tests.vision import EYES, distances, lab


def _luminance(colour: int) -> float:
    """Relative luminance. Source: WCAG 2.2, definition of relative luminance."""
    channels = [((colour >> shift) & 255) / 255 for shift in (16, 8, 0)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: int, other: int) -> float:
    """Contrast ratio. Source: WCAG 2.2, definition of contrast ratio."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_text_can_be_read_on_every_surface(theme: Theme) -> None:
    for surface in (theme.s1, theme.s2, theme.hdr, theme.lane, theme.tipbg):
        assert contrast(theme.t1, surface) >= 7
        assert contrast(theme.t2, surface) >= 4.5
    for surface in (theme.s1, theme.s2, theme.lane, theme.hover, theme.tipbg):
        assert contrast(theme.t3, surface) >= 4.5
    for surface in (theme.s2, theme.tipbg, theme.accent_bg):
        assert contrast(theme.accent_t, surface) >= 4.5
        assert contrast(theme.t2, surface) >= 4.5
    for surface in (theme.s1, theme.s2):
        assert contrast(theme.ok, surface) >= 4.5
        assert contrast(theme.warn, surface) >= 4.5
        assert contrast(theme.err, surface) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_labels_can_be_read_in_every_bar(theme: Theme) -> None:
    assert len(theme.prefix) == len(theme.prefix_label) == 20
    for colour, ink in zip(theme.prefix, theme.prefix_label, strict=True):
        assert contrast(colour, ink) >= 4.5
    assert contrast(theme.erred, theme.errtext) >= 7


@pytest.mark.parametrize("share", [RUNNING_SHARE, LOST_SHARE, DROPPED_SHARE])
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_labels_can_be_read_in_pale_bars(theme: Theme, share: float) -> None:
    for colour in theme.prefix:
        assert contrast(mixed(colour, theme.lane, share), theme.t1) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_what_the_user_controls_stands_out(theme: Theme) -> None:
    """A ring, a brush, an edge: WCAG asks for 3 of what is no text."""
    for surface in (theme.s1, theme.s2, theme.s3, theme.lane, theme.tipbg):
        assert contrast(theme.accent, surface) >= 3


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_no_two_prefixes_share_a_colour(theme: Theme) -> None:
    reserved = (theme.transfer, theme.disk, theme.deser, theme.erred, theme.lane)

    assert all(one != other for one, other in combinations(theme.prefix + reserved, 2))


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_prefixes_are_told_apart_by_eyes_of_all_kinds(theme: Theme, eye: str) -> None:
    """From 2.3 on two colours beside each other differ; these lie far from each other."""
    prefixes = lab(theme.prefix, eye)
    kinds = lab((theme.transfer, theme.disk, theme.deser, theme.erred), eye)
    among = distances(prefixes, prefixes)[np.triu_indices(len(prefixes), 1)]
    least = 13 if eye == "normal" else 8.9
    assert among.min() >= least
    assert distances(prefixes, kinds).min() >= least


def test_only_the_dark_theme_is_dark() -> None:
    assert DARK.is_dark
    assert not LIGHT.is_dark


def test_a_lane_is_the_sum_of_its_parts() -> None:
    parts = NORMAL.bar_px + NORMAL.gap_px + NORMAL.sub_lane_px

    assert parts < NORMAL.pitch_px


def test_mixing_is_linear() -> None:
    assert mixed(0xFFFFFF, 0x000000, 0.5) == 0x808080
    assert mixed(0x123456, 0xABCDEF, 1.0) == 0x123456
    assert mixed(0x123456, 0xABCDEF, 0.0) == 0xABCDEF

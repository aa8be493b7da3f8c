"""Design tokens as plain data: colours of both themes, sizes, type. No Qt.

Sizes are device-independent pixels. Colours are 0xRRGGBB integers, so that pure code can mix them
and widgets can make a QColor of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

UI_FAMILIES: Final = (
    "Inter",
    "Segoe UI Variable Text",
    "SF Pro Text",
    "Cantarell",
    "Noto Sans",
    "DejaVu Sans",
)
MONO_FAMILIES: Final = ("JetBrains Mono", "Cascadia Mono", "SF Mono", "DejaVu Sans Mono")

TOOLBAR_PX: Final = 44
CONTROL_PX: Final = 28
DOCK_TITLE_PX: Final = 30
TABLE_HEADER_PX: Final = 22
LEGEND_PX: Final = 28
MINIMAP_PX: Final = 40
TIME_AXIS_PX: Final = 30
EVENTS_LANE_PX: Final = 18
STATUS_BAR_PX: Final = 26
GUTTER_PX: Final = 168
RIGHT_DOCK_PX: Final = 420
RIGHT_DOCK_LEAST_PX: Final = 340
WINDOW_LEAST_PX: Final = (1024, 640)
PADDING_PX: Final = 12
#: Right of "now", where nothing can have been received yet.
NOT_YET_PX: Final = 12


@dataclass(frozen=True, slots=True)
class Density:
    """Heights of the rows of the task stream and of tables.

    A lane is `bar + gap + sub_lane + gap_below` high.
    """

    pitch_px: int
    bar_px: int
    gap_px: int
    sub_lane_px: int
    host_header_px: int
    density_row_px: int
    table_row_px: int
    progress_row_px: int


COMPACT: Final = Density(18, 12, 1, 3, 22, 36, 20, 20)
NORMAL: Final = Density(22, 15, 1, 4, 22, 36, 22, 24)
COMFORTABLE: Final = Density(28, 20, 1, 5, 26, 44, 28, 28)
#: By the names that are shown and remembered.
DENSITIES: Final = {"compact": COMPACT, "normal": NORMAL, "comfortable": COMFORTABLE}
#: Space between the lanes of two workers of one host, half of it below a header.
WORKER_GAP_PX: Final = 6


@dataclass(frozen=True, slots=True, eq=False)
class Theme:
    """All colours of one theme; a key of many caches, hence equal only to itself.

    Attributes
    ----------
    prefix
        20 colours for task prefixes, by slot.
    prefix_label
        The ink of a label on each.
    """

    name: str
    s0: int  # window behind docks
    s1: int  # chrome: toolbar, dock titles, status bar, gutter
    s2: int  # panels, tables, charts, code
    s3: int  # raised: buttons and combo boxes on dark, chips
    lane: int
    lane2: int  # events lane, not yet received, gone worker
    hdr: int  # table header, host header
    hover: int
    tipbg: int
    tipline: int
    line: int  # borders between panels
    line2: int  # row lines, bar tracks
    ctl: int  # control borders
    grid: int
    grid_major: int
    t1: int  # text: values, titles
    t2: int  # text: secondary values
    t3: int  # text: captions, units, addresses
    tdis: int
    accent: int
    accent_t: int
    accent_bg: int
    onacc: int
    transfer: int
    disk: int
    deser: int
    erred: int
    errtext: int
    wait: int
    wait2: int
    ok: int
    warn: int
    warnfill: int
    err: int
    mem: int
    mem_un: int
    mem_rec: int
    memhi: int
    memhi2: int
    memhi3: int
    mempause: int
    spill: int
    limit: int
    c1: int
    prefix: tuple[int, ...]
    prefix_label: tuple[int, ...]

    @property
    def is_dark(self) -> bool:
        """Whether text is lighter than what it stands on."""
        return self.t1 > self.s2


_WHITE, _BLACK = 0xFFFFFF, 0x000000

LIGHT: Final = Theme(
    name="light",
    s0=0xEEF0F3,
    s1=0xF6F7F9,
    s2=0xFFFFFF,
    s3=0xFFFFFF,
    lane=0xFFFFFF,
    lane2=0xFAFBFC,
    hdr=0xF3F5F7,
    hover=0xEAEDF1,
    tipbg=0xFFFFFF,
    tipline=0xB9C0CA,
    line=0xDDE1E6,
    line2=0xECEEF1,
    ctl=0xC9CED6,
    grid=0xEDEFF2,
    grid_major=0xDEE2E7,
    t1=0x1A1E25,
    t2=0x4D5560,
    t3=0x636C78,
    tdis=0xA3AAB4,
    accent=0x2F6BE6,
    accent_t=0x1F57CC,
    accent_bg=0xE5EDFD,
    onacc=0xFFFFFF,
    transfer=0xD6281F,
    disk=0xDB7900,
    deser=0x858C96,
    erred=0x0E1116,
    errtext=0xFFFFFF,
    wait=0xC3C8D0,
    wait2=0xDDE0E5,
    ok=0x197A42,
    warn=0xA65700,
    warnfill=0xF2A33A,
    err=0xC4261D,
    mem=0x3E72C9,
    mem_un=0x8FB0E6,
    mem_rec=0xC8D8F4,
    memhi=0xD9780A,
    memhi2=0xEDB36B,
    memhi3=0xF8DDBB,
    mempause=0xE0342B,
    spill=0x8B919B,
    limit=0x1A1E25,
    c1=0x3E72C9,
    prefix=(
        0x4A64D4, 0xFFD040, 0x5D1C8F, 0x55AC89, 0x0F4F2E, 0xD689BD, 0x9C515E, 0x80E1FE, 0x93AD66, 0x4A5269,
        0x997B5F, 0x9C7CEA, 0x4F7F76, 0xB7D6B7, 0x884B95, 0x98B0FE, 0x5F7630, 0xCBAAB3, 0x82769A, 0xD4D08E,
    ),
    prefix_label=(
        _WHITE, _BLACK, _WHITE, _BLACK, _WHITE, _BLACK, _WHITE, _BLACK, _BLACK, _WHITE,
        _BLACK, _BLACK, _BLACK, _BLACK, _WHITE, _BLACK, _WHITE, _BLACK, _BLACK, _BLACK,
    ),
)  # fmt: skip

DARK: Final = Theme(
    name="dark",
    s0=0x0E1014,
    s1=0x191C22,
    s2=0x14171C,
    s3=0x20242B,
    lane=0x14171C,
    lane2=0x171A20,
    hdr=0x1B1F25,
    hover=0x252A32,
    tipbg=0x252A32,
    tipline=0x4A525E,
    line=0x2B3038,
    line2=0x20242B,
    ctl=0x3B424D,
    grid=0x1E2228,
    grid_major=0x2A2F37,
    t1=0xE6E9EE,
    t2=0xAEB5C0,
    t3=0x89919D,
    tdis=0x5A626E,
    accent=0x6AA5FF,
    accent_t=0x8AB8FF,
    accent_bg=0x1D2F4C,
    onacc=0x0B1526,
    transfer=0xFF4D45,
    disk=0xFF9F2E,
    deser=0x8D95A1,
    erred=0xF4F6F9,
    errtext=0x0E1116,
    wait=0x4A515C,
    wait2=0x30363F,
    ok=0x4CC38A,
    warn=0xFFB454,
    warnfill=0xD98A1F,
    err=0xFF7B72,
    mem=0x5B8FE8,
    mem_un=0x3E629E,
    mem_rec=0x2C4468,
    memhi=0xE8932A,
    memhi2=0x99642A,
    memhi3=0x5C4225,
    mempause=0xFF4D45,
    spill=0x858C98,
    limit=0xE6E9EE,
    c1=0x6FA0F2,
    prefix=(
        0x8B8FFD, 0xEDE84E, 0x6148B1, 0x27A453, 0x386649, 0xCCAAB1, 0xB75981, 0x7FDAFD, 0x6F8313, 0x6B6FA6,
        0xB0AC8F, 0xA087BE, 0x20807B, 0xC2F4C2, 0x7B4A7E, 0xB3B0CD, 0x666121, 0xA18379, 0x1B77DD, 0xF0CB8D,
    ),
    prefix_label=(
        _BLACK, _BLACK, _WHITE, _BLACK, _WHITE, _BLACK, _BLACK, _BLACK, _BLACK, _WHITE,
        _BLACK, _BLACK, _WHITE, _BLACK, _WHITE, _BLACK, _WHITE, _BLACK, _BLACK, _BLACK,
    ),
)  # fmt: skip

THEMES: Final = {theme.name: theme for theme in (LIGHT, DARK)}


def mixed(colour: int, over: int, share: float) -> int:
    """`share` (0 to 1) of `colour` laid over the opaque colour `over`."""
    channels = (
        round(((colour >> shift) & 255) * share + ((over >> shift) & 255) * (1 - share)) << shift
        for shift in (16, 8, 0)
    )
    return sum(channels)

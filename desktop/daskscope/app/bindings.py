"""What each action of the table does: its id, and a function of the running window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daskscope.app import asides, gestures, lane_gestures
from daskscope.app.aim import aimed_px, aimed_target
from daskscope.derive.lanelayout import PINNED
from daskscope.paint.wheel import PAN_SHARE, ZOOM_STEP
from daskscope.session import LaneSort
from daskscope.theme import DENSITIES
from daskscope.views.timeline.strip import SCROLL_STEP_PX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from daskscope.app.run import Run


@dataclass(frozen=True, slots=True)
class Binding:
    """What an action does, and how it stands; both are asked when they are needed.

    Attributes
    ----------
    perform
        Do it; what is on is turned off and the other way round.
    is_on
        Whether a checkable action is on.
    can
        Whether there is something to do it with now.
    """

    perform: Callable[[], object]
    is_on: Callable[[], bool] = lambda: False
    can: Callable[[], bool] = lambda: True


def bindings(run: Run) -> Mapping[str, Binding]:
    """Every action's function by its id."""
    return {
        **_window(run),
        **_panels(run),
        **_timeline(run),
        **_lanes(run),
        **_search(run),
    }


def _window(run: Run) -> dict[str, Binding]:
    return {
        "file.open": Binding(run.opening.choose),
        "file.picture": Binding(lambda: asides.choose_picture(run.window)),
        "file.copy": Binding(lambda: asides.copy_picture(run.window)),
        "file.earlier": Binding(run.opening.open_earlier, can=lambda: run.snapshot.n_evicted > 0),
        "file.stop": Binding(run.opening.stop, can=lambda: run.is_reading),
        "file.quit": Binding(run.window.close),
        "theme.light": Binding(lambda: run.choose_theme("light"), lambda: not run.theme.is_dark),
        "theme.dark": Binding(lambda: run.choose_theme("dark"), lambda: run.theme.is_dark),
        "theme.toggle": Binding(run.toggle_theme),
        "window.border": Binding(run.window.move_border, can=lambda: not run.window.is_welcome),
        "window.layout": Binding(run.window.reset_layout),
        "window.full": Binding(run.window.toggle_full_screen, run.window.isFullScreen),
        "help.palette": Binding(run.overlays.toggle_palette),
        "help.keys": Binding(run.overlays.toggle_keys),
        "help.manual": Binding(lambda: asides.show_manual(run.window, run.theme)),
        "help.about": Binding(lambda: asides.show_about(run.window)),
    }


def _panels(run: Run) -> dict[str, Binding]:
    def panel(name: str) -> Binding:
        return Binding(lambda: run.window.toggle_dock(name), lambda: run.window.is_dock_shown(name))

    def view(name: str) -> Binding:
        return Binding(lambda: run.window.focus_view(name))

    def density(name: str) -> Binding:
        return Binding(
            lambda: run.choose_density(name), lambda: run.session.density == DENSITIES[name]
        )

    return {
        "view.stream": view("stream"),
        **{f"view.{name}": view(name) for name in run.window.tabs},
        **{f"panel.{name}": panel(name) for name in run.window.docks},
        "panel.link": Binding(
            lambda: run.replace(are_charts_linked=not run.session.are_charts_linked),
            lambda: run.session.are_charts_linked,
        ),
        **{f"density.{name}": density(name) for name in DENSITIES},
    }


def _timeline(run: Run) -> dict[str, Binding]:
    stream = run.window.timeline.stream

    def zoom(factor: float) -> None:
        if run.view is not None:
            run.with_view(gestures.zoom, aimed_px(run, run.view), factor)

    def pan(share: float) -> None:
        run.with_view(gestures.pan, share * stream.lanes_size_px[0])

    return {
        "time.in": Binding(lambda: zoom(1 / ZOOM_STEP)),
        "time.out": Binding(lambda: zoom(ZOOM_STEP)),
        "time.earlier": Binding(lambda: pan(-PAN_SHARE)),
        "time.later": Binding(lambda: pan(PAN_SHARE)),
        "time.fit": Binding(run.fit),
        "time.start": Binding(lambda: run.with_view(gestures.go_home, run.extent())),
        "time.follow": Binding(run.follow, lambda: run.session.is_following),
        "time.pause": Binding(run.toggle_pause, lambda: not run.session.is_following),
        "selection.view": Binding(run.selecting.view),
        **_edges(run),
        "selection.measure": Binding(run.places.measure),
        "selection.tsv": Binding(lambda: asides.copy_statistics(run.window, "\t")),
        "selection.csv": Binding(lambda: asides.copy_statistics(run.window, ",")),
        "selection.clear": Binding(run.opening.escape),
        "task.next": Binding(lambda: run.lane_walk.along(is_forward=True)),
        "task.previous": Binding(lambda: run.lane_walk.along(is_forward=False)),
        "task.below": Binding(lambda: run.lane_walk.across(is_down=True)),
        "task.above": Binding(lambda: run.lane_walk.across(is_down=False)),
        "task.tell": Binding(run.hovering.toggle_telling, lambda: run.hovering.is_telling),
        "task.dependency": Binding(lambda: run.choosing.walk(is_on=False)),
        "task.dependent": Binding(lambda: run.choosing.walk(is_on=True)),
        "task.zoom": Binding(run.choosing.zoom),
        "task.copy": Binding(run.choosing.copy_key),
        "task.jaeger": Binding(run.choosing.open_in_jaeger),
        "time.back": Binding(run.places.back),
        "time.forward": Binding(run.places.forward),
        "bookmark.set": Binding(run.places.mark),
        "bookmark.name": Binding(run.places.name),
        "bookmark.next": Binding(lambda: run.places.step(is_forward=True)),
        "bookmark.previous": Binding(lambda: run.places.step(is_forward=False)),
    }


def _edges(run: Run) -> dict[str, Binding]:
    def edge(step: int, *, is_start: bool) -> Binding:
        return Binding(lambda: run.selecting.move_edge(step, is_start=is_start))

    return {
        "selection.end_later": edge(1, is_start=False),
        "selection.end_earlier": edge(-1, is_start=False),
        "selection.start_later": edge(1, is_start=True),
        "selection.start_earlier": edge(-1, is_start=True),
        "selection.row_more": Binding(lambda: run.selecting.move_lowest(is_down=True)),
        "selection.row_less": Binding(lambda: run.selecting.move_lowest(is_down=False)),
    }


def _lanes(run: Run) -> dict[str, Binding]:
    stream = run.window.timeline.stream

    def fold() -> None:
        target = aimed_target(run)
        if target is not None:
            folded = stream.host_folded if target.is_host else stream.worker_folded
            folded.emit(target.key)

    def step(by: int) -> None:
        label = stream.step_label(by)
        if label is not None:
            run.lane_scroll.to_label(label)

    def fold_all() -> None:
        if run.roster is not None:
            run.apply(lane_gestures.fold_all, run.roster)

    def pin() -> None:
        target = aimed_target(run)
        if target is not None and target.key != PINNED:
            run.apply(lane_gestures.pin, target.key)

    def sort(by: LaneSort) -> Binding:
        return Binding(
            lambda: run.apply(lane_gestures.sort_lanes, by), lambda: run.session.lane_sort is by
        )

    return {
        "selection.lanes": Binding(run.selecting.target),
        "lanes.up": Binding(lambda: run.lane_scroll.by(-SCROLL_STEP_PX)),
        "lanes.down": Binding(lambda: run.lane_scroll.by(SCROLL_STEP_PX)),
        "lanes.next": Binding(lambda: step(1)),
        "lanes.previous": Binding(lambda: step(-1)),
        "lanes.fold": Binding(fold),
        "lanes.fold_all": Binding(fold_all),
        "lanes.pin": Binding(pin),
        "lanes.group": Binding(lambda: run.apply(lane_gestures.next_grouping)),
        "lanes.by_name": sort(LaneSort.NAME),
        "lanes.by_busy": sort(LaneSort.BUSY),
        "lanes.by_errors": sort(LaneSort.ERRORS),
    }


def _search(run: Run) -> dict[str, Binding]:
    return {
        "filter.open": Binding(run.finder.open_filter),
        "filter.clear": Binding(run.finder.show_everything),
        "search.focus": Binding(run.finder.focus),
        "search.next": Binding(lambda: run.finder.step(is_forward=True)),
        "search.previous": Binding(lambda: run.finder.step(is_forward=False)),
        "errors.next": Binding(lambda: run.ledger.step(is_forward=True)),
        "errors.previous": Binding(lambda: run.ledger.step(is_forward=False)),
    }

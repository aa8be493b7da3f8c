"""Which gesture on which widget changes what: signals of one window to its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication

from daskscope.app import gestures, lane_gestures, selection_gestures, sort_gestures

if TYPE_CHECKING:
    from daskscope.app.menu import Menu
    from daskscope.app.run import Run


def wire(run: Run, menu: Menu) -> None:
    """Connect the widgets of `run`'s window, but those that have an object of their own."""
    window, timeline = run.window, run.window.timeline
    stream, legend, toolbar = timeline.stream, timeline.legend, window.toolbar
    timeline.zoomed.connect(lambda x, factor: run.with_view(gestures.zoom, float(x), float(factor)))
    timeline.panned.connect(lambda dx: run.with_view(gestures.pan, float(dx)))
    timeline.selected.connect(run.selecting.select)
    stream.host_folded.connect(lambda host: run.apply(gestures.fold, run.frame, host))
    stream.worker_folded.connect(lambda key: run.apply(lane_gestures.fold_worker, key))
    stream.pinned.connect(lambda key: run.apply(lane_gestures.pin, key))
    stream.paused.connect(run.toggle_pause)
    timeline.minimap.brushed.connect(run.brush)
    legend.toggled.connect(lambda name: run.apply(gestures.toggle_prefix, name))
    legend.soloed.connect(run.solo)
    legend.lit.connect(lambda name: run.replace(lit_prefix=name))
    window.progress.prefix_lit.connect(lambda name: run.replace(lit_prefix=name))
    workers = window.workers
    workers.sort_requested.connect(lambda column: run.apply(sort_gestures.sort_workers, column))
    workers.sort_stepped.connect(lambda step: run.apply(sort_gestures.step_workers, step))
    workers.sort_turned.connect(lambda is_down: run.apply(sort_gestures.turn_workers, is_down))
    statistics, table = window.statistics, window.statistics.table
    statistics.cleared.connect(run.selecting.clear)
    table.sort_requested.connect(lambda column: run.apply(sort_gestures.sort_statistics, column))
    table.sort_stepped.connect(lambda step: run.apply(sort_gestures.step_statistics, step))
    table.sort_turned.connect(lambda is_down: run.apply(sort_gestures.turn_statistics, is_down))
    table.prefix_chosen.connect(lambda name: run.apply(gestures.choose_prefix, name))
    statistics.histogram.range_chosen.connect(
        lambda range_ns: run.apply(selection_gestures.light, range_ns)
    )
    workers.host_toggled.connect(lambda host: run.apply(gestures.fold, run.frame, host))
    toolbar.followed.connect(run.follow)
    toolbar.paused.connect(run.toggle_pause)
    toolbar.span_chosen.connect(run.choose_span)
    toolbar.fitted.connect(run.fit)
    window.status.asked.connect(lambda name: menu.actions[name].trigger())
    toolbar.commands_asked.connect(run.overlays.toggle_palette)
    toolbar.grouped.connect(lambda grouping: run.apply(lane_gestures.group, grouping))
    toolbar.theme_toggled.connect(run.toggle_theme)
    window.welcome.demo_requested.connect(run.trial.start)
    window.closed.connect(QApplication.quit)
    window.presence.roused.connect(run.rouse)
    for action in menu.actions.values():
        action.triggered.connect(run.rouse)

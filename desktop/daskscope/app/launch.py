"""From options to a running window: Qt's application, the source, the feed, and their end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daskscope.app.clock import wall_ns
from daskscope.app.demo import Demo
from daskscope.app.options import WindowOptions
from daskscope.app.platform import check_qt, choose_platform, report_fatal
from daskscope.app.recordings import new_journal
from daskscope.ingest.source import Source

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

Announce = Callable[[tuple[str, ...], tuple[str, ...]], None]

#: Long enough for a cluster to start and show every phase of the demo's workload once.
OFFSCREEN_DEMO_S = 20.0
OFFSCREEN_PICTURE = Path("daskscope-demo.png")
DEFAULT_SIZE = (1600, 900)


def show_live(
    options: WindowOptions, addresses: Mapping[str, tuple[str, ...]], announce: Announce
) -> None:
    """Open a window that receives until it is closed."""
    with _application() as application, closing(_receiver(addresses)) as source:
        announce(source.http, source.grpc)
        _run(application, source, options)


def show_demo(
    options: WindowOptions,
    addresses: Mapping[str, tuple[str, ...]],
    n_workers: int,
    announce: Announce,
) -> None:
    """Open a window and run a cluster that sends to it; end both together."""
    if choose_platform() == "offscreen" and options.seconds is None:
        options = replace(
            options,
            seconds=OFFSCREEN_DEMO_S,
            screenshot=options.screenshot or OFFSCREEN_PICTURE,
        )
        click.echo(f"no display: drawing offscreen for {options.seconds:.0f} s")
    with ExitStack() as stack:
        application = stack.enter_context(_application())
        source = stack.enter_context(closing(_receiver(addresses)))
        announce(source.http, source.grpc)
        log_path = source.journal.with_suffix(".demo.log")
        demo = stack.enter_context(closing(Demo(f"http://{source.http[0]}", n_workers, log_path)))
        _run(application, source, options, demo.failure)


def show_recording(options: WindowOptions, path: Path) -> None:
    """Open a window on a recording."""
    with _application() as application, closing(Source.read(path)) as source:
        _run(application, source, options)


def _receiver(addresses: Mapping[str, tuple[str, ...]]) -> Source:
    return Source.receive(**addresses, journal=new_journal(wall_ns()))


@contextmanager
def _application() -> Iterator[QApplication]:
    """Qt's application; SIGINT and SIGTERM close its windows."""
    choose_platform()
    check_qt()
    report_fatal()
    from PySide6.QtWidgets import QApplication  # noqa: PLC0415

    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("daskscope")
    application.setDesktopFileName("daskscope")

    def close(*_: object) -> None:
        application.quit()

    before = {number: signal.signal(number, close) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield application
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(
    application: QApplication,
    source: Source,
    options: WindowOptions,
    failure: Callable[[], str] = lambda: "",
) -> None:
    from daskscope.app.run import Run  # noqa: PLC0415

    run = Run(source, options, failure)
    run.show(options.size or DEFAULT_SIZE)
    status = application.exec()
    for line in run.finish():
        click.echo(line)
    if status:
        raise SystemExit(status)

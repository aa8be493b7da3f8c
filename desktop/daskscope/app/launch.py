"""From options to a running window: Qt's application, the source, the feed, and their end."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from daskscope.app import attach
from daskscope.app.demo import Demo
from daskscope.app.picture import check_picture_path
from daskscope.app.platform import check_qt, choose_platform, report_messages
from daskscope.app.recordings import drop_if_empty, new_journal
from daskscope.ingest.clock import wall_ns
from daskscope.ingest.source import Source

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from daskscope.app.options import WindowOptions

Announce = Callable[[tuple[str, ...], tuple[str, ...]], None]

#: Long enough for a cluster to start and show every phase of the demo's workload once.
OFFSCREEN_DEMO_S = 30.0
OFFSCREEN_PICTURE = Path("daskscope-demo.png")
DEFAULT_SIZE = (1600, 900)
#: What numpy reads when it is loaded.
_HUGE_PAGES: Final = "NUMPY_MADVISE_HUGEPAGE"


class Ending:
    """Whether SIGINT or SIGTERM has come; from the first moment on none is lost.

    Python hears of a signal when it next runs. Qt, which may wait long, hears of a byte that can
    be read.
    """

    def __init__(self) -> None:
        self.is_asked = False
        self._ends = socket.socketpair()
        for end in self._ends:
            end.setblocking(False)
        signal.set_wakeup_fd(self._ends[1].fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def fileno(self) -> int:
        """Where a byte lies once a signal has come."""
        return self._ends[0].fileno()

    def close(self) -> None:
        """Hear of signals only when Python runs."""
        signal.set_wakeup_fd(-1)
        for end in self._ends:
            end.close()

    def _ask(self, *_: object) -> None:
        self.is_asked = True


def show_live(
    options: WindowOptions, addresses: Mapping[str, tuple[str, ...]], announce: Announce
) -> None:
    """Open a window that receives until it is closed."""
    with _receiving(options, addresses, announce) as launched:
        launched.run()


def show_demo(
    options: WindowOptions,
    addresses: Mapping[str, tuple[str, ...]],
    n_workers: int,
    announce: Announce,
) -> None:
    """Open a window and run a cluster that sends to it; end both together."""
    if choose_platform() == "offscreen":
        seconds = OFFSCREEN_DEMO_S if options.seconds is None else options.seconds
        picture = options.screenshot or OFFSCREEN_PICTURE
        options = replace(options, seconds=seconds, screenshot=picture)
        click.echo(f"no display: drawing offscreen for {seconds:g} s")
    with _receiving(options, addresses, announce) as launched:
        endpoint, log_path = f"http://{launched.source.http[0]}", launched.log_path(".demo.log")
        with closing(Demo(endpoint, n_workers, log_path)) as demo:
            launched.run(demo.failure)


def show_attached(
    options: WindowOptions,
    addresses: Mapping[str, tuple[str, ...]],
    scheduler: str,
    endpoint: str | None,
    announce: Announce,
) -> None:
    """Open a window on a running cluster that is instrumented until it is closed."""
    attach.check(scheduler, endpoint)
    with _receiving(options, addresses, announce) as launched:
        source, ending = launched.source, launched.ending
        where, protocol = attach.destination(endpoint, source.http, source.grpc)
        log_path = launched.log_path(".attach.log")
        with closing(attach.Attachment(scheduler, where, protocol, log_path)) as attachment:
            if line := attachment.wait(lambda: ending.is_asked):
                click.echo(line)
            launched.run(attachment.failure)


def show_recording(
    options: WindowOptions, path: Path, since_s: float = 0.0, until_s: float | None = None
) -> None:
    """Open a window on a recording, or on the part between two times since its start."""
    _check(options)
    with closing(Ending()) as ending, closing(Source.read(path, since_s, until_s)) as source:
        launched = Launched(_application(), ending, source, path, options, is_live=False)
        source.wait()
        launched.run()


@contextmanager
def _receiving(
    options: WindowOptions, addresses: Mapping[str, tuple[str, ...]], announce: Announce
) -> Iterator[Launched]:
    """What a window needs that receives, for as long as it is open."""
    _check(options)
    with ExitStack() as stack:
        ending = stack.enter_context(closing(Ending()))
        journal = new_journal(wall_ns())
        stack.callback(drop_if_empty, journal)
        source = stack.enter_context(closing(Source.receive(**addresses, journal=journal)))
        launched = Launched(_application(), ending, source, journal, options)
        source.wait()
        announce(source.http, source.grpc)
        yield launched


def _check(options: WindowOptions) -> None:
    """Refuse at once what could only fail at the end."""
    if options.screenshot is not None:
        check_picture_path(options.screenshot)


def _application() -> QApplication:
    """Qt's application."""
    choose_platform()
    check_qt()
    release_messages = report_messages()
    from PySide6.QtWidgets import QApplication

    application = QApplication(sys.argv[:1])
    release_messages()
    application.setApplicationName("daskscope")
    application.setDesktopFileName("daskscope")
    return application


def load_numpy() -> None:
    """Load numpy so that it asks for no huge pages: to find one may take 20 ms of a tick.

    What this process starts is free to ask for them.
    """
    is_set = _HUGE_PAGES in os.environ
    os.environ.setdefault(_HUGE_PAGES, "0")
    import numpy.ma  # noqa: F401 - it takes 20 ms: `np.unique` would load it in a tick

    if not is_set:
        del os.environ[_HUGE_PAGES]


class Launched:
    """A window that is made and not yet shown: that can be done while its source gets ready.

    Parameters
    ----------
    recording
        The file that is read, or that a live session is written to.
    is_live
        It receives; else it reads.
    """

    def __init__(
        self,
        application: QApplication,
        ending: Ending,
        source: Source,
        recording: Path,
        options: WindowOptions,
        *,
        is_live: bool = True,
    ) -> None:
        load_numpy()
        from daskscope.app.garbage import Garbage
        from daskscope.app.run import Run
        from daskscope.app.settings import user_memory

        self.ending = ending
        self.source = source
        self._application = application
        self._recording = recording
        self._size = options.size or DEFAULT_SIZE
        # A picture is of the data, and a window that nobody sees is nobody's choice.
        is_seen = options.screenshot is None and application.platformName() != "offscreen"
        memory = user_memory(recording, _tell) if is_seen else None
        self._failure: Callable[[], str] = lambda: ""
        self._run = Run(source, options, is_live, self._told, lambda: ending.is_asked, memory)
        self._run.garbage = Garbage()
        if not is_live:
            self._run.window.setWindowTitle(f"{recording.name} – daskscope")

    def log_path(self, suffix: str) -> Path:
        """Where a companion of this session writes what it has to say."""
        return self._recording.with_suffix(suffix)

    def _told(self) -> str:
        """What has failed beside the window, which is there before what is beside it."""
        return self._failure()

    def run(self, failure: Callable[[], str] = lambda: "") -> None:
        """Show the window until it is closed; `failure` is as `Run` takes it."""
        from PySide6.QtCore import QSocketNotifier

        run, self._failure = self._run, failure
        bell = QSocketNotifier(self.ending.fileno(), QSocketNotifier.Type.Read)
        bell.activated.connect(run.rouse)
        run.show(self._size)
        self._application.exec()
        bell.setEnabled(False)
        for line in run.finish():
            click.echo(line)
        if isinstance(run.error, OSError):
            raise run.error
        if run.error is not None:  # it has been told when it happened
            raise SystemExit(1)


def _tell(line: str) -> None:
    click.echo(line, err=True)

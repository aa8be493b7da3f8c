"""A process beside the window ends with it, willing or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from daskscope.app import companion
from daskscope.app.companion import Companion
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

STUBBORN = """\
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_one_that_does_not_end_is_killed_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(companion, "END_S", 0.2)
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    log_path = tmp_path / "log"
    started = Companion("it", ("stubborn",), log_path, {"PYTHONPATH": str(tmp_path)})
    (child,) = wait_for(started.lines)
    started.close()
    assert started.has_ended
    wait_for(lambda: is_gone(int(child)))
    assert log_path.exists()  # it may say why


def test_a_module_of_the_folder_it_is_started_in_is_not_taken_for_pythons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "queue.py").write_text("raise ImportError('somebody else')")
    monkeypatch.chdir(tmp_path)
    started = Companion("it", ("concurrent.futures.thread",), tmp_path / "log", {})
    wait_for(lambda: started.has_ended)
    assert started.lines() == []
    started.close()

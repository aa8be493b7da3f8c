"""`daskscope demo`: a picture of a real cluster at work, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from daskscope.theme import LIGHT
from tests.e2e.pictures import n_prefixes
from tests.e2e.programs import DASKSCOPE, END_TIMEOUT_S, daskscope, marked
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]


@pytest.fixture(autouse=True)
def _picture_beside_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no display there is a picture, in the folder that the demo runs in."""
    monkeypatch.chdir(tmp_path)


def n_spans(tmp_path: Path) -> int:
    """Spans in the one journal that the demo kept."""
    (journal,) = (tmp_path / "data").rglob("*.dscope")
    result = daskscope("export", journal, "-o", tmp_path / "run.jsonl")
    match = re.search(r"run\.jsonl: (\d+) spans", result.stderr)
    assert match, result.stderr
    return int(match[1])


def test_it_shows_a_cluster_and_leaves_nothing_behind(
    tmp_path: Path, settings: dict[str, str], ports: list[str]
) -> None:
    result = daskscope(
        *("demo", "--seconds", "20", "--workers", "2", "--theme", "light"),
        *ports,
        **settings,
    )
    assert marked(str(tmp_path)) == []
    assert (result.returncode, result.stderr) == (0, "")
    picture = tmp_path / "daskscope-demo.png"
    assert f"picture: {picture}" in result.stdout.splitlines()
    assert n_prefixes(picture, LIGHT) >= 3
    assert n_spans(tmp_path) > 100


@contextlib.contextmanager
def ended_early(
    tmp_path: Path, settings: dict[str, str], ports: list[str]
) -> Iterator[subprocess.Popen[str]]:
    """A long demo that ends well, and leaves nothing behind, by what is sent to it meanwhile."""
    with subprocess.Popen(
        [DASKSCOPE, "demo", "--workers", "2", "--seconds", "90", *ports],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | settings,
    ) as process:
        yield process
        _, errors = process.communicate(timeout=END_TIMEOUT_S)
    assert marked(str(tmp_path)) == []
    assert (process.returncode, errors) == (0, "")


def test_ctrl_c_ends_all_that_it_started(
    tmp_path: Path, settings: dict[str, str], ports: list[str]
) -> None:
    with ended_early(tmp_path, settings, ports) as process:
        # The window, its receiver, the cluster with its scheduler, two nannies' workers.
        wait_for(lambda: len(marked(str(tmp_path))) >= 5, timeout_s=40)
        process.send_signal(signal.SIGINT)


def test_a_signal_that_comes_before_the_window_is_not_lost(
    tmp_path: Path, settings: dict[str, str], ports: list[str]
) -> None:
    with ended_early(tmp_path, settings, ports) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "no display: drawing offscreen for 90 s\n"
        assert process.stdout.readline().startswith("listening ")
        process.send_signal(signal.SIGTERM)

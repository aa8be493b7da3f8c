"""`python -m dask_otel`: what it writes, what it says, and its exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import product
from typing import TYPE_CHECKING

import dask.config
import pytest

from dask_otel.__main__ import main
from dask_otel.autostart import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's config folder, which is all there is."""
    folder = tmp_path / "user"
    config = dict(dask.config.config)
    monkeypatch.setattr(dask.config, "paths", [str(tmp_path / "system"), str(folder)])
    monkeypatch.setattr(dask.config, "PATH", str(folder))
    yield folder
    dask.config.config.clear()
    dask.config.config.update(config)


@pytest.fixture
def system(user: Path) -> Path:
    folder = user.with_name("system")
    folder.mkdir()
    return folder


def write(path: Path, preload: str) -> None:
    path.parent.mkdir(exist_ok=True)
    roles = ", ".join(f"{role}: {{preload: {preload}}}" for role in ("scheduler", "worker"))
    path.write_text(f"distributed: {{{roles}}}")


def effective(role: str) -> object:
    dask.config.refresh(paths=dask.config.paths)
    return dask.config.get(f"distributed.{role}.preload")


def test_enable_keeps_what_the_user_has_listed(user: Path) -> None:
    write(user / "own.yaml", "[mine]")
    assert main(["enable"]) == 0
    assert effective("scheduler") == effective("worker") == ["mine", "dask_otel"]
    assert effective("client") == ["dask_otel"]
    assert main(["status"]) == 0
    assert main(["disable"]) == 0
    assert effective("worker") == ["mine"]
    assert [path.name for path in user.iterdir()] == ["own.yaml"]
    assert main(["status"]) == 1


def test_enable_twice_is_enable_once(user: Path) -> None:
    assert main(["enable"]) == main(["enable"]) == 0
    assert effective("worker") == ["dask_otel"]
    assert main(["disable"]) == main(["disable"]) == 0
    assert list(user.iterdir()) == []


def test_enable_takes_in_what_the_user_has_listed_since(user: Path) -> None:
    assert main(["enable"]) == 0
    write(user / "own.yaml", "[mine]")
    assert main(["enable"]) == 0
    assert effective("worker") == ["mine", "dask_otel"]


def test_disable_switches_off_what_is_installed(user: Path, system: Path) -> None:
    write(system / "installed.yaml", "[dask_otel]")
    assert main(["status"]) == 0
    assert main(["disable"]) == 0
    assert main(["status"]) == 1
    assert main(["enable"]) == 0
    assert main(["status"]) == 0
    assert not (user / FILE).exists()  # it is on without


def test_the_environment_has_the_last_word(
    user: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__PRELOAD", "mine")
    assert main(["enable"]) == 1
    assert "DASK_DISTRIBUTED__WORKER__PRELOAD has the last word" in capsys.readouterr().err
    assert not (user / FILE).exists()


def test_a_file_of_somebody_elses_is_left_alone(
    user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(user / FILE, "[mine]")
    before = (user / FILE).read_text()
    assert main(["enable"]) == main(["disable"]) == 1
    assert "was not written by this command" in capsys.readouterr().err
    assert (user / FILE).read_text() == before


def test_a_config_that_is_a_single_file(
    user: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(user / "dask.yaml", "[mine]")
    monkeypatch.setattr(dask.config, "PATH", str(user / "dask.yaml"))
    assert main(["enable"]) == 1
    assert "is a file" in capsys.readouterr().err


def test_status_in_words(user: Path, system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(system / "installed.yaml", "[dask_otel]")
    write(user / "own.yaml", "[mine]")
    (user / "own.yaml").write_text("distributed: {worker: {preload: [mine]}}")
    assert main(["status"]) == 1
    said = capsys.readouterr().out
    assert f"scheduler: starts by {system / 'installed.yaml'}" in said
    assert f"list of {user / 'own.yaml'} hides {system / 'installed.yaml'}" in said
    assert "client:    does not start: no preload list names dask_otel" in said
    assert "traces:    grpc to http://localhost:4317" in said
    assert "distributed 2" in said
    assert ": supported" in said


def test_status_for_programs(
    user: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    write(user / "own.yaml", "[mine, dask_otel]")
    assert main(["status", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["starts"] is found["enabled"] is found["supported"] is True
    assert found["roles"]["worker"]["by"] == str(user / "own.yaml")
    assert found["sends"] == {
        signal: {"protocol": "http/protobuf", "endpoint": "http://collector:4318"}
        for signal in ("traces", "logs")
    }


def test_a_setting_that_cannot_be_understood(
    user: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DASK_DASK_OTEL__TICK", "soon")
    dask.config.refresh(paths=dask.config.paths)
    assert main(["status"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "dask-otel.tick" in line


BROKEN = ("dask-otel: {enabled: perhaps}", "distributed: {worker: {preload: 5}}", "distributed: [")


@pytest.mark.parametrize(
    ("command", "broken"),
    [
        *product(("enable", "disable"), BROKEN),
        ("enable", "distributed: {worker: {preload: mine, preload-argv: {a: b}}}"),
    ],
)
def test_what_fails_changes_nothing(
    user: Path, command: str, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["enable"]) == 0
    before = (user / FILE).read_bytes()
    (user / "own.yaml").write_text(broken)
    assert main([command]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert (user / FILE).read_bytes() == before


def test_what_the_environment_forbids_changes_nothing(
    user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["enable"]) == 0
    before = (user / FILE).read_bytes()
    monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__PRELOAD", "mine")
    assert main(["enable"]) == 1
    assert (user / FILE).read_bytes() == before


@pytest.mark.parametrize("command", [["status"], ["enable"], ["attach", "tcp://x", "--endpoint=y"]])
def test_a_config_file_that_is_none(tmp_path: Path, command: list[str]) -> None:
    """Dask reads it as it is imported."""
    broken = tmp_path / "broken.yaml"
    broken.write_text("distributed: [1\nworker: {")
    ended = subprocess.run(
        [sys.executable, "-m", "dask_otel", *command],
        env={**os.environ, "DASK_CONFIG": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"config file at '{broken}' is malformed" in line
    assert list(tmp_path.iterdir()) == [broken]


def test_no_command_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err

"""What Dask's config says of how it starts, read from files and from the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dask.config
import pytest

from dask_otel import startup

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The system's folder and the user's, and no other."""
    system, user = tmp_path / "system", tmp_path / "user"
    system.mkdir()
    user.mkdir()
    monkeypatch.setattr(dask.config, "paths", [str(system), str(user)])
    monkeypatch.setattr(dask.config, "PATH", str(user))
    return system, user


def preloads(path: Path, **roles: str) -> str:
    lines = [f"  {role}: {{preload: {names}}}" for role, names in roles.items()]
    path.write_text("distributed:\n" + "\n".join(lines))
    return str(path)


def way(role: str) -> startup.Way:
    (found,) = (way for way in startup.ways() if way.role == role)
    return found


def test_nothing_is_set(folders: tuple[Path, Path]) -> None:
    assert [(found.starts, found.hidden) for found in startup.ways()] == [(False, None)] * 3
    assert not startup.starts(startup.ways())


def test_what_is_no_list_is_refused_in_words(folders: tuple[Path, Path]) -> None:
    preloads(folders[1] / "a.yaml", worker="5")
    with pytest.raises(ValueError, match="a list of preloads is 5: must be names of modules"):
        startup.ways()


def test_the_last_file_counts_and_hides_the_others(folders: tuple[Path, Path]) -> None:
    system, user = folders
    installed = preloads(system / "a.yaml", scheduler="[dask_otel]", worker="[dask_otel]")
    assert startup.starts(startup.ways())
    own = preloads(user / "b.yaml", worker="[mine]")
    found = way("worker")
    assert not found.starts
    assert found.hidden is not None
    assert (found.hidden.name, found.sources[-1].name) == (installed, own)
    assert way("scheduler").starts
    assert not startup.starts(startup.ways())


def test_what_a_list_with_it_hides(folders: tuple[Path, Path]) -> None:
    system, user = folders
    admins = preloads(system / "a.yaml", worker="[theirs, both]")
    preloads(user / "b.yaml", worker="[both, dask_otel]")
    assert [(source.name, names) for source, names in way("worker").lost] == [(admins, ("theirs",))]


def test_the_environment_wins_and_takes_a_single_name(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    system, _ = folders
    preloads(system / "a.yaml", worker="[dask_otel]")
    variable = "DASK_DISTRIBUTED__WORKER__PRELOAD"
    monkeypatch.setenv(variable, "mine")
    assert way("worker").sources[-1] == startup.Source(variable, ("mine",))
    monkeypatch.setenv(variable, "dask_otel")
    assert way("worker").starts


def test_a_config_that_another_process_hands_on(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    handed = {"distributed": {"worker": {"preload": ["dask_otel"]}}}
    monkeypatch.setenv("DASK_INTERNAL_INHERIT_CONFIG", dask.config.serialize(handed))
    assert way("worker").sources[-1].name == "DASK_INTERNAL_INHERIT_CONFIG"
    assert way("worker").starts


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ["dask_otel"]),
        ([], ["dask_otel"]),
        ("mine", ["mine", "dask_otel"]),
        (["mine", "theirs"], ["mine", "theirs", "dask_otel"]),
        (["dask_otel", "mine"], ["dask_otel", "mine"]),
    ],
)
def test_adding_it_to_a_list(value: object, expected: list[str]) -> None:
    assert startup.with_us(value) == expected


@pytest.mark.parametrize(
    ("arguments", "preloads", "expected"),
    [
        (None, ["mine"], None),
        ([], ["mine"], None),
        (["--flag"], ["mine"], None),
        ([["--flag"]], ["mine"], [["--flag"], []]),
        ([["--flag"], []], ["mine", "dask_otel"], None),
    ],
)
def test_arguments_of_preloads_go_on_fitting(
    arguments: object, preloads: object, expected: object
) -> None:
    assert startup.arguments_with_us(arguments, preloads) == expected

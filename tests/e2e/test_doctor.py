"""`daskscope doctor`: what it says of ports, of a Collector and of Jaeger, and its exit status."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.programs import daskscope

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.e2e.conftest import StartCollector
    from tests.e2e.services import Collector, Jaeger

pytestmark = pytest.mark.e2e


def doctor(
    http: int, grpc: int, collector: str, endpoint: str, jaeger: str
) -> subprocess.CompletedProcess[str]:
    return daskscope(
        "doctor",
        *("--http", f"127.0.0.1:{http}"),
        *("--grpc", f"127.0.0.1:{grpc}"),
        *("--collector", collector),
        *("--endpoint", endpoint),
        *("--jaeger", jaeger),
    )


def findings(result: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str]]:
    """Verdict and text of each subject."""
    found = {}
    for line in result.stdout.splitlines():
        match = re.fullmatch(r"(ok|note|fail) +([^:]+): (.+)", line)
        assert match, line
        found[match[2]] = match[1], match[3]
    return found


def test_with_everything_there_a_probe_span_comes_back(
    collector: Collector, jaeger: Jaeger, free_port: Callable[[], int]
) -> None:
    result = doctor(collector.desktop, free_port(), collector.health, collector.http, jaeger.query)
    found = findings(result)
    assert {subject: verdict for subject, (verdict, _) in found.items()} == {
        "OTLP/HTTP port": "ok",
        "OTLP/gRPC port": "ok",
        "Collector": "ok",
        "Round trip": "ok",
        "Jaeger": "ok",
        "Dask": "ok",
        "Qt": "ok",
    }, result.stdout
    assert re.fullmatch(r"a span came back in \d+ ms", found["Round trip"][1])
    assert (result.returncode, result.stderr) == (0, "")


def test_a_collector_that_exports_elsewhere_fails_the_round_trip(
    start_collector: StartCollector, free_port: Callable[[], int]
) -> None:
    collector = start_collector()
    http = free_port()
    result = doctor(
        http, free_port(), collector.health, collector.http, f"http://127.0.0.1:{free_port()}"
    )
    verdict, text = findings(result)["Round trip"]
    assert verdict == "fail"
    assert f"did not come to 127.0.0.1:{http}" in text
    assert (result.returncode, result.stderr) == (1, "")


def test_without_collector_and_jaeger_it_notes_so_and_is_well(
    free_port: Callable[[], int],
) -> None:
    nobody = [f"http://127.0.0.1:{free_port()}" for _ in range(3)]
    result = doctor(free_port(), free_port(), *nobody)
    found = findings(result)
    assert found["Collector"] == ("note", f"none answers at {nobody[0]}")
    assert found["Jaeger"] == ("note", f"none answers at {nobody[2]}")
    assert "Round trip" not in found
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("protocol", ["HTTP", "gRPC"])
def test_a_port_that_is_held_fails_and_is_named(
    free_port: Callable[[], int], protocol: str
) -> None:
    nobody = [f"http://127.0.0.1:{free_port()}" for _ in range(3)]
    with socket.create_server(("127.0.0.1", 0)) as holder:
        held: int = holder.getsockname()[1]
        ports = (held, free_port()) if protocol == "HTTP" else (free_port(), held)
        result = doctor(*ports, *nobody)
    verdict, text = findings(result)[f"OTLP/{protocol} port"]
    assert verdict == "fail"
    assert text.startswith(f"cannot listen on 127.0.0.1:{held}: Address already in use")
    assert (result.returncode, result.stderr) == (1, "")


def dask_finding(free_port: Callable[[], int], **settings: str) -> tuple[str, str]:
    ports = "--http", f"127.0.0.1:{free_port()}", "--grpc", f"127.0.0.1:{free_port()}"
    return findings(daskscope("doctor", *ports, **settings))["Dask"]


def test_it_says_whether_dask_would_be_instrumented(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    settings = installed(tmp_path)
    verdict, text = dask_finding(free_port, **settings)
    assert verdict == "ok"
    assert text.endswith("daskscope.yaml")
    verdict, text = dask_finding(free_port, **settings, DASK_DASK_OTEL__ENABLED="False")
    assert (verdict, "dask-otel.enabled" in text) == ("note", True)


@pytest.mark.parametrize(
    ("own", "hidden"),
    [
        ("{worker: {preload: [json]}}", ["worker"]),
        ("{worker: {preload: json}}", ["worker"]),
        ("{scheduler: {preload: []}, worker: {preload: [json]}}", ["scheduler", "worker"]),
        ("{worker: {preload: [json, dask_otel]}}", []),
        ("{client: {preload: [json]}}", []),
    ],
)
def test_it_says_which_list_of_the_users_hides_that_it_is_installed(
    tmp_path: Path, free_port: Callable[[], int], own: str, hidden: list[str]
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(f"distributed: {own}")
    verdict, text = dask_finding(free_port, **installed(tmp_path))
    assert verdict == ("note" if hidden else "ok")
    assert re.findall(r"distributed\.(\w+)\.preload of (\S+) hides that of \S+;", text) == [
        (role, str(path)) for role in hidden
    ]
    assert text.count("add dask_otel to it") == len(hidden)


@pytest.mark.parametrize(
    ("own", "words"),
    [("distributed: [", "own.yaml"), ("distributed: {worker: {preload: 5}}", "5: must be names")],
)
def test_a_config_that_dask_cannot_read_fails_in_one_line(
    tmp_path: Path, free_port: Callable[[], int], own: str, words: str
) -> None:
    (tmp_path / "own.yaml").write_text(own)
    verdict, text = dask_finding(free_port, **installed(tmp_path))
    assert (verdict, words in text) == ("fail", True), text


def installed(folder: Path) -> dict[str, str]:
    """Environment of an installed `dask_otel`, with the user's own config in `folder`."""
    etc = Path(__file__).parents[2] / "instrumentation" / "etc" / "dask"
    return {"DASK_ROOT_CONFIG": str(etc), "DASK_CONFIG": str(folder)}

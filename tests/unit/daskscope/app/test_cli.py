"""Bad input on the command line gets one clear line and a non-zero exit."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

#: Whatever else listens on this machine.
ANY_PORTS = ("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")
COMMANDS = ("connect", "demo", "attach", "open", "record", "export", "doctor")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real program in a process of its own."""
    import os

    return subprocess.run(
        [sys.executable, "-m", "daskscope", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"} | environment,
    )


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    """What was said of the failure; more than a line, or a traceback, fails the test."""
    lines = result.stderr.strip().splitlines()
    assert result.returncode != 0, result.stdout
    assert "Traceback" not in result.stderr
    assert len([line for line in lines if line.startswith("Error:")]) == 1, result.stderr
    return lines[-1]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = run(command, "--help")

    assert result.returncode == 0
    assert "Usage: daskscope" in result.stdout


def test_help_loads_neither_qt_nor_numpy() -> None:
    code = (
        "import sys; sys.argv = ['daskscope', '--help']\n"
        "from daskscope.app.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('PySide6', 'numpy', 'grpc', 'aiohttp') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )

    assert result.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("connect", "--size", "wide"), "WxH"),
        (("connect", "--size", "0x900"), "WxH"),
        (("connect", "--range", "soon"), "seconds"),
        (("connect", "--range", "-3"), "seconds"),
        (("connect", "--range", "1e300"), "seconds"),
        (("connect", "--seconds", "0"), "--seconds"),
        (("record", "-o", "a.dscope", "--seconds", "nan"), "nan"),
        (("record", "-o", "a.dscope", "--seconds", "inf"), "inf"),
        (("open", "a.dscope", "--since", "nan"), "nan"),
        (("open", "a.dscope", "--until", "1e300"), "1e+300"),
        (("open", "a.dscope", "--since", "9", "--until", "5"), "--since"),
        (("simulate", "--rate", "nan"), "nan"),
        (("connect", "--theme", "blue"), "blue"),
        (("connect", "--view", "nothing"), "nothing"),
        (("connect", "--screenshot", "picture.txt"), "picture.txt"),
        (("connect", "--screenshot", "/no/such/folder/a.png"), "/no/such/folder"),
        (("connect", "--http", "127.0.0.1:notaport"), "notaport"),
        (("connect", "--http", "0.0.0.0:0"), "0.0.0.0"),
        (("open", "/no/such/file.dscope"), "/no/such/file.dscope"),
        (("export", "/no/such/file.dscope", "-o", "out.jsonl"), "/no/such/file.dscope"),
        (("record", "-o", "/no/such/folder/a.dscope", *ANY_PORTS), "/no/such/folder"),
        (("record", "-o", "a.jsonl"), "a.jsonl: a recording ends in .dscope"),
        (("frobnicate",), "frobnicate"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert said in one_line(run(*arguments, XDG_DATA_HOME=str(tmp_path)))
    assert not list(tmp_path.glob("*.*"))


def test_what_proves_to_be_no_recording_while_it_is_read_is_one_line(tmp_path: Path) -> None:
    strange = tmp_path / "strange.json"
    strange.write_text('{"a": 1}\n')

    result = run("open", str(strange), "--screenshot", str(tmp_path / "picture.png"))

    assert "not one line of OTLP JSON" in one_line(result)


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        address = f"127.0.0.1:{holder.getsockname()[1]}"

        line = one_line(
            run("connect", "--http", address, "--grpc", "127.0.0.1:0", XDG_DATA_HOME=str(tmp_path))
        )

    assert address in line


@pytest.mark.parametrize("content", [b"", b"not a recording\n", b"SQLite format 3\0" + bytes(500)])
def test_a_foreign_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "foreign.dscope"
    path.write_bytes(content)

    assert "foreign.dscope" in one_line(run("open", str(path), "--seconds", "5"))
    assert "foreign.dscope" in one_line(run("export", str(path), "-o", str(tmp_path / "o.jsonl")))
    assert not (tmp_path / "o.jsonl").exists()


def test_an_unknown_platform_is_one_line(tmp_path: Path) -> None:
    result = run(
        "connect", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--seconds", "2",
        QT_QPA_PLATFORM="no-such-platform", XDG_DATA_HOME=str(tmp_path),
    )  # fmt: skip

    assert result.returncode != 0
    assert "daskscope: Qt cannot open a window" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_window_closes_by_itself_and_leaves_a_picture(tmp_path: Path) -> None:
    picture = tmp_path / "empty.png"
    result = run(
        "connect", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--seconds", "1.5",
        "--size", "1280x720", "--screenshot", str(picture), XDG_DATA_HOME=str(tmp_path),
    )  # fmt: skip

    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("listening http=127.0.0.1:")
    assert picture.read_bytes().startswith(b"\x89PNG")
    # Nothing was received, so there is no session to open again.
    assert not list(tmp_path.rglob("*.dscope*"))


@pytest.mark.parametrize("module", ["launch", "doctor", "headless", "recordings", "failure"])
def test_what_stands_before_qt_is_checked_needs_no_qt(module: str) -> None:
    code = f"import sys, daskscope.app.{module}; print('PySide6' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )

    assert result.stdout.strip() == "False"


@pytest.mark.parametrize("url", ["127.0.0.1:16686", "file:///etc/passwd"])
def test_jaeger_is_a_page_of_the_web(url: str) -> None:
    assert "http://HOST:PORT" in one_line(run("connect", "--jaeger", url))

"""Dask's own page of tasks in headless Chromium: how long it takes to draw a frame.

A real scheduler serves the page; its record of tasks is filled with synthetic ones, as many as the
page is to hold. The browser then drags the time axis to and fro by a thousandth of its width, and
each frame waits for the one before, as under a hand that drags without pause.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from distributed import Client

from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Where `make bench` has put what Dask's page needs; nobody else needs it.
BOKEH: Final = Path(__file__).parents[2] / "out" / "bokeh"
BROWSER: Final = "chromium"
SIZE_PX: Final = (1_600, 900)
N_FRAMES: Final = 40
#: The longest that the page may take to show what it holds.
PATIENCE_S: Final = 120.0
N_LANES: Final = 256

N_SHOWN: Final = """
(() => {
  if (typeof Bokeh === "undefined") return 0;
  const models = Bokeh.documents.flatMap(document => [...document._all_models.values()]);
  const source = models.find(model => model.type === "ColumnDataSource" && model.data.duration);
  return source === undefined ? 0 : source.get_length();
})()
"""
#: Milliseconds of each frame while the time axis is dragged, half of them forth and half back.
DRAG: Final = """
(async n => {
  const models = Bokeh.documents.flatMap(document => [...document._all_models.values()]);
  const x = models.find(model => model.type === "Figure").x_range;
  const step = (x.end - x.start) / 1000;
  const frames = [];
  let last = performance.now();
  for (let i = 0; i < n; i++) {
    const by = i < n / 2 ? step : -step;
    x.setv({start: x.start + by, end: x.end + by});
    await new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  return frames;
})(%d)
"""


def frames_ms(n_rectangles: int) -> list[float]:
    """Times of some frames of the page `/tasks` that holds so many rectangles.

    Raises
    ------
    FileNotFoundError
        Bokeh or Chromium is not there; `make bench` installs them.
    TimeoutError
        The page does not show what it should.
    """
    check_bokeh()
    with _scheduler(n_rectangles) as url, _browser() as port:
        return asyncio.run(_drag(port, f"{url}/tasks", n_rectangles))


def check_bokeh() -> None:
    """Refuse where `BOKEH` is missing.

    Raises
    ------
    FileNotFoundError
        It is.
    """
    if not BOKEH.exists():
        raise FileNotFoundError(f"{BOKEH}: `make bench` installs it")


@contextlib.contextmanager
def _scheduler(n_rectangles: int) -> Iterator[str]:
    """The address of the pages of a scheduler that has so many tasks to show."""
    length = str(n_rectangles)
    env = {
        **os.environ,
        "PYTHONPATH": str(BOKEH),
        "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "[]",
        "DASK_DISTRIBUTED__CLIENT__PRELOAD": "[]",
        "DASK_DISTRIBUTED__SCHEDULER__DASHBOARD__TASKS__TASK_STREAM_LENGTH": length,
    }
    with contextlib.ExitStack() as stack:
        file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "scheduler.json"
        place = ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0"]
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", "scheduler", *place, "--scheduler-file", str(file)],
            env=env,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(process.wait)
        stack.callback(process.kill)
        wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        client = stack.enter_context(Client(scheduler_file=str(file)))
        client.run_on_scheduler(functools.partial(_fill, n_rectangles))
        yield client.dashboard_link.removesuffix("/status")


def _fill(n: int, dask_scheduler: Any) -> None:
    """What the plugin behind the page would hold, had the cluster just run `n` tasks."""
    from distributed.diagnostics.task_stream import TaskStreamPlugin

    plugin = TaskStreamPlugin(dask_scheduler)
    dask_scheduler.add_plugin(plugin)
    rate, now_s = 20_000, time.time()
    for number in range(n):
        lane, start_s = number % N_LANES, now_s + (number - n) / rate
        stop_s = start_s + 0.8 * N_LANES / rate
        plugin.buffer.append(
            {
                "key": f"inc-{number}",
                "worker": f"tcp://10.0.0.{lane // 4}:1",
                "thread": lane,
                "startstops": [{"action": "compute", "start": start_s, "stop": stop_s}],
                "status": "OK",
            }
        )
    plugin.index += n


async def _drag(port: int, url: str, n_rectangles: int) -> list[float]:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/json") as answer:
            tab = next(tab for tab in await answer.json() if tab["type"] == "page")
        async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            page = _Page(socket)
            await page.call("Page.navigate", url=url)
            until_s = time.monotonic() + PATIENCE_S
            while (n_shown := await page.value(N_SHOWN)) != n_rectangles:
                if time.monotonic() > until_s:
                    raise TimeoutError(f"{url} shows {n_shown} rectangles of {n_rectangles}")
                await asyncio.sleep(0.5)
            await page.value(DRAG % 4)  # the first are drawn together with what else is new
            found: list[float] = await page.value(DRAG % N_FRAMES)
            return found


class _Page:
    """A tab, by Chromium's DevTools protocol (chromedevtools.github.io/devtools-protocol)."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def call(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async for message in self._socket:
            said = json.loads(message.data)
            if said.get("id") == number:
                return said["result"]
        raise ConnectionError(f"{BROWSER} has ended")

    async def value(self, expression: str) -> Any:
        """What an expression gives, or the promise that it gives."""
        said = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in said:
            raise RuntimeError(said["exceptionDetails"]["exception"]["description"])
        return said["result"]["value"]


@contextlib.contextmanager
def _browser() -> Iterator[int]:
    """A headless browser; the port where it can be spoken to."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        arguments = [
            *("--headless=new", "--disable-gpu", "--hide-scrollbars"),
            f"--window-size={SIZE_PX[0]},{SIZE_PX[1]}",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
        ]
        if os.geteuid() == 0:  # Chromium refuses to run as root otherwise
            arguments.append("--no-sandbox")
        with subprocess.Popen([BROWSER, *arguments], stderr=subprocess.DEVNULL) as process:
            try:
                told = Path(folder) / "DevToolsActivePort"
                wait_for(lambda: told.exists() and "\n" in told.read_text())
                yield int(told.read_text().splitlines()[0])
            finally:
                process.kill()

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from daskscope.ingest import codec, link
from daskscope.ingest.linkserver import STATUS_INTERVAL_S, LinkServer
from daskscope.store.inquiry import Asked, Dependents, Query, SpanDetails
from daskscope.store.schema import Message, PointBatch, SourceStatus
from tests.archives import Requests
from tests.telemetry import span_id, tasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from daskscope.store.inquiry import Answer

TOKEN = "secret"


def points(n: int) -> PointBatch:
    return PointBatch({"series": np.full(n, n, np.uint32)})


class Numbers:
    """Batches of points with 0, 1, 2 ... up to a count, of growing size."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.n_sent = 0

    async def frames(self) -> AsyncIterator[Sequence[bytes]]:
        for number in range(self.n):
            self.n_sent = number + 1
            yield [codec.encode(points(number))]

    def status(self) -> SourceStatus:
        return SourceStatus(is_live=True, requests=self.n_sent)

    def archive(self) -> Requests:
        return Requests([tasks(4), tasks(4, first=4)])


@contextlib.asynccontextmanager
async def serving(feed: Numbers) -> AsyncIterator[int]:
    server = LinkServer(feed, TOKEN)
    port = await server.start()
    try:
        yield port
    finally:
        await server.close()


async def connected(port: int, token: str = TOKEN) -> link.LinkClient:
    return await asyncio.to_thread(link.LinkClient, "127.0.0.1", port, token)


async def received(
    client: link.LinkClient, is_enough: Callable[[list[Message | Answer]], bool]
) -> list[Message | Answer]:
    messages: list[Message | Answer] = []
    async with asyncio.timeout(20):
        while not is_enough(messages):
            messages += client.drain(0.001)
            await asyncio.sleep(0.001)
    return messages


def numbers(messages: list[Message | Answer]) -> list[int]:
    return [len(m) for m in messages if isinstance(m, PointBatch)]


async def test_every_client_gets_everything_in_order() -> None:
    async with serving(Numbers(300)) as port:
        for _ in range(2):
            client = await connected(port)
            messages = await received(client, lambda found: len(numbers(found)) == 300)
            assert numbers(messages) == list(range(300))
            client.close()


async def test_a_status_comes_by_itself_once_for_each_that_differs() -> None:
    feed = Numbers(0)
    async with serving(feed) as port:
        client = await connected(port)
        told: list[Message | Answer] = []
        for requests in range(3):
            feed.n_sent = requests
            told += await received(client, bool)
            await asyncio.sleep(2.5 * STATUS_INTERVAL_S)
        told += client.drain(0.0)
        client.close()
    assert told == [SourceStatus(is_live=True, requests=requests) for requests in range(3)]


async def test_a_client_that_does_not_read_holds_the_feed_back() -> None:
    feed = Numbers(10_000)
    async with serving(feed) as port:
        client = await connected(port)
        sent = -1
        async with asyncio.timeout(20):
            while feed.n_sent != sent:
                sent = feed.n_sent
                await asyncio.sleep(0.3)
        assert 0 < sent < 10_000
        other = await connected(port)  # and nobody else
        messages = await received(other, lambda found: len(numbers(found)) >= 100)
        assert numbers(messages)[:100] == list(range(100))
        client.close()
        other.close()


async def test_a_wrong_token_is_told_nothing() -> None:
    async with serving(Numbers(5)) as port:
        for token in ("", "secre", "secret2", "ä", "x" * 200):
            with pytest.raises(link.LinkError, match="refused"):
                await connected(port, token)
        for hello in (b"", b"\n", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 200_000 + b"\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(hello)
            writer.write_eof()
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()


async def test_another_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(Numbers(5)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"daskscope-link 999 secret\n")
        assert await reader.read() == b"daskscope-link %d\n" % codec.VERSION
        writer.close()

    async def newer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"daskscope-link 999\n")
        writer.close()

    server = await asyncio.start_server(newer, "127.0.0.1", 0)
    with pytest.raises(link.LinkError, match="version 999"):
        await connected(server.sockets[0].getsockname()[1])
    server.close()


async def test_draining_never_waits_and_keeps_what_is_there_of_a_frame() -> None:
    frame = codec.encode(points(1000))
    data = len(frame).to_bytes(4, "little") + frame
    proceed = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"daskscope-link %d\n" % codec.VERSION + data[:3])
        await proceed.wait()
        for part in (data[3:100], data[100:-1], data[-1:] + data + data[:5]):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    client = await connected(server.sockets[0].getsockname()[1])
    began_s = time.perf_counter()
    assert client.drain(5.0) == []
    assert time.perf_counter() - began_s < 4.0
    proceed.set()
    messages = await received(client, lambda _: client.is_closed)
    assert numbers(messages) == [1000, 1000]
    assert client.fileno() == -1
    assert client.drain(1.0) == []
    server.close()


async def test_a_frame_that_is_none_is_an_error() -> None:
    async def wrong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"daskscope-link %d\n" % codec.VERSION + b"\x04\0\0\0\xff\xff\xff\xff")
        writer.close()

    server = await asyncio.start_server(wrong, "127.0.0.1", 0)
    client = await connected(server.sockets[0].getsockname()[1])
    with pytest.raises(codec.FrameError):
        await received(client, lambda _: False)
    client.close()
    server.close()


def test_nobody_is_there() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(link.LinkError, match="no source"):
            link.LinkClient("127.0.0.1", bound.getsockname()[1], TOKEN)


def query(number: int, asked: Asked, of: int = 2, request: int = 1) -> Query:
    return Query(number, asked, int.from_bytes(span_id(of), "big"), request)


def answers(messages: list[Message | Answer]) -> list[Answer]:
    return [m for m in messages if isinstance(m, SpanDetails | Dependents)]


async def test_a_query_is_answered_among_the_messages() -> None:
    async with serving(Numbers(50)) as port:
        client = await connected(port)
        assert client.ask(query(7, Asked.SPAN))
        messages = await received(
            client, lambda found: bool(answers(found)) and len(numbers(found)) == 50
        )
        client.close()

    (answer,) = answers(messages)
    assert isinstance(answer, SpanDetails)
    assert (answer.number, answer.problem) == (7, "")
    assert [found.span_id for found in answer.links] == [
        int.from_bytes(span_id(n), "big") for n in (3, 4, 5)
    ]


async def test_both_kinds_of_query_are_answered() -> None:
    async with serving(Numbers(0)) as port:
        client = await connected(port)
        client.ask(query(1, Asked.DEPENDENTS, of=5))
        client.ask(query(2, Asked.SPAN))
        messages = await received(client, lambda found: len(answers(found)) >= 2)
        client.close()

    found = {answer.number: answer for answer in answers(messages)}
    assert isinstance(found[2], SpanDetails)
    dependents = found[1]
    assert isinstance(dependents, Dependents)
    assert sorted(one.start_ns % 1_000_000 // 1_000 for one in dependents.found) == [2, 3, 4]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b"null",
        b'{"number": 1, "asked": "everything", "span_id": 1, "request": 1, "least": 1}',
        b'{"number": 1, "asked": "span", "span_id": -1, "request": 1, "least": 1}',
        b'{"number": 1, "asked": "span", "span_id": 1e3, "request": 1, "least": 1}',
        b'{"number": 1, "asked": "span", "span_id": 1, "request": 99999999999, "least": 1}',
        b'{"number": 1, "asked": "span"}',
        b"\xff" * 1024,
    ],
)
async def test_what_is_no_query_is_not_answered_and_harms_nothing(body: bytes) -> None:
    async with serving(Numbers(0)) as port:
        client = await connected(port)
        client._socket.sendall(len(body).to_bytes(4, "little") + body)
        client.ask(query(3, Asked.SPAN))
        messages = await received(client, lambda found: bool(answers(found)))
        client.close()

    assert [answer.number for answer in answers(messages)] == [3]


async def test_a_query_that_is_too_long_ends_the_link_and_no_other() -> None:
    async with serving(Numbers(0)) as port:
        client, other = await connected(port), await connected(port)
        client._socket.sendall((1 << 31).to_bytes(4, "little") + bytes(100))
        async with asyncio.timeout(20):
            while not client.is_closed:
                client.drain(0.001)
                await asyncio.sleep(0.001)
        other.ask(query(3, Asked.SPAN))
        assert answers(await received(other, lambda found: bool(answers(found))))
        other.close()


async def test_a_broken_archive_is_said_and_the_link_stays(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Numbers) -> Requests:
        raise RuntimeError("no more file")

    monkeypatch.setattr(Numbers, "archive", broken)
    async with serving(Numbers(0)) as port:
        client = await connected(port)
        client.ask(query(1, Asked.SPAN))
        client.ask(query(2, Asked.DEPENDENTS))
        messages = await received(client, lambda found: len(answers(found)) == 2)
        assert {answer.problem for answer in answers(messages)} == {"no more file"}
        assert not client.is_closed
        client.close()
    assert "cannot answer a query" in caplog.text


async def test_queries_are_dropped_when_the_source_takes_none() -> None:
    async with serving(Numbers(0)) as port:
        client = await connected(port)
        # The loop of the server gets no time here, so that the socket's buffers fill up.
        asked = [client.ask(query(n, Asked.SPAN)) for n in range(200_000)]
        assert asked[0]
        assert not asked[-1]
        assert len(client._outgoing) <= 2 * 1024 + 4
        client.close()

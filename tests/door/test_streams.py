"""Forty streams of a minute through nginx: each arrives whole, and ADE's lists stay as fast as without."""

import asyncio
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from agents.models import AgentSource
from tests.api.calls import make_token
from tests.door.conftest import place
from tests.door.proxies import SECRET, nginx_door
from tests.helpers import make_agent

pytestmark = [pytest.mark.prove, pytest.mark.only_sqlite]  # the database plays no part

STREAMS, SECONDS, WORDS_A_SECOND = 40, 60, 4
WORDS = SECONDS * WORDS_A_SECOND
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer any request with a stream of words, one each quarter of a second."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(HEAD)
    began = time.monotonic()
    for number in range(WORDS):
        writer.write(b"data: %d\n\n" % number)
        await writer.drain()
        await asyncio.sleep(began + (number + 1) / WORDS_A_SECOND - time.monotonic())
    writer.close()


async def _read(client: httpx.AsyncClient, url: str, latest: list[float]) -> str:
    """Read one stream whole. `latest` gets the longest time between two of its parts."""
    text, before, longest = "", time.monotonic(), 0.0
    async with client.stream("POST", url, content=b"{}") as answer:
        assert answer.status_code == 200
        async for part in answer.aiter_text():
            now = time.monotonic()
            longest, before = max(longest, now - before), now
            text += part
    latest.append(longest)
    return text


async def _read_all(url: str, token: str, latest: list[float]) -> list[str]:
    limits, headers = httpx.Limits(max_connections=None), {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(limits=limits, headers=headers, timeout=120) as client:
        return await asyncio.gather(*(_read(client, url, latest) for _ in range(STREAMS)))


@contextmanager
def streaming() -> Iterator[str]:
    """Run a server of streams in a thread of its own; yield its host and port."""
    ready: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stopped = asyncio.Event()
        async with await asyncio.start_server(_answer, "127.0.0.1", 0) as server:
            ready.set_result(
                (server.sockets[0].getsockname()[1], asyncio.get_running_loop(), stopped)
            )
            await stopped.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    port, loop, stopped = ready.result(30)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(30)


def p95(client: httpx.Client, url: str, seconds: float) -> float:
    """The 95th percentile of the time of a list, in seconds, called again and again."""
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        assert client.get(url).status_code == 200
        times.append(time.monotonic() - began)
    return statistics.quantiles(times, n=20)[-1]


def test_streams_do_not_slow_lists(
    serve: Callable[..., str], database_url: str, source: AgentSource, tmp_path: Path
) -> None:
    agent = place(make_agent(tags=["user_1"]), source)
    for _ in range(60):
        make_agent(tags=["user_1"])
    token = make_token(limit_tag="user_1")
    ade = serve(
        BEHIND_PROXY="true",
        ALLOWED_HOSTS="127.0.0.1",
        DOOR_SECRET=SECRET,
        SOURCE_ALLOWED_NETWORKS="127.0.0.0/8",
        RATE_PER_CALLER="1000000",
        RATE_PER_ADDRESS="1000000",
    )
    latest: list[float] = []
    found: list[str] = []
    with ExitStack() as stack:
        letta = stack.enter_context(streaming())
        door = nginx_door(tmp_path, urlsplit(ade).netloc, letta, stack)
        headers = {"Authorization": f"Bearer {token}"}
        client = stack.enter_context(httpx.Client(headers=headers, timeout=60))
        list_url = f"{door}/v1/agents?tags=user_1&limit=50"
        stream_url = f"{door}/v1/agents/{agent}/messages/stream"
        p95(client, list_url, 3)  # warm
        without = p95(client, list_url, 20)
        reader = threading.Thread(
            target=lambda: found.extend(asyncio.run(_read_all(stream_url, token, latest)))
        )
        reader.start()
        beside = p95(client, list_url, SECONDS - 5)
        reader.join(120)
    assert found == ["".join(f"data: {number}\n\n" for number in range(WORDS))] * STREAMS
    print(
        f"p95 of a list: {without * 1000:.1f} ms, beside {STREAMS} streams {beside * 1000:.1f} ms;"
        f" longest pause of a stream {max(latest):.2f} s"
    )
    assert beside <= 1.5 * without

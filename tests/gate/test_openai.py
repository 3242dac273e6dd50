"""The OpenAI-compatible API: strict turns of own agents, made by the gate."""

import asyncio
import io
import json
from typing import Any

import pytest

from ade.gate import openai_api
from tests.gate.standins import FOREIGN, KEY, OWN, SECONDS, World, run

pytestmark = pytest.mark.only_sqlite  # the database plays no part

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
HI = [{"role": "user", "content": "Hi"}]
IMAGE = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y"}}]}


async def post(world: World, path: str, body: Any, **headers: str) -> tuple[int, str]:
    given = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"} | headers
    text = body if isinstance(body, str) else json.dumps(body)
    async with world.session.post(
        f"{world.http}{path}", data=io.BytesIO(text.encode()), headers=given
    ) as answer:
        return answer.status, await answer.text()


def events(text: str) -> list[dict[str, Any]]:
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in data if line != "[DONE]"]


def test_chat_completions() -> None:
    async def scenario(world: World) -> None:
        status, text = await post(world, CHAT, {"model": OWN, "messages": HI})
        answer = json.loads(text)
        assert (status, answer["object"], answer["model"]) == (200, "chat.completion", OWN)
        assert answer["choices"][0]["message"] == {"role": "assistant", "content": "Hello you"}
        assert answer["usage"]["total_tokens"] == 3
        status, text = await post(world, CHAT, {"model": OWN, "messages": HI, "stream": True})
        chunks = [event["choices"][0] for event in events(text)]
        assert "".join(chunk["delta"].get("content", "") for chunk in chunks) == "Hello you"
        assert [chunk["finish_reason"] for chunk in chunks] == [None, None, None, "stop"]
        assert text.endswith("data: [DONE]\n\n")
        sent = [frame["type"] for frame in world.app_server.seen]
        assert sent == ["conversation_create", "runtime_start", "runtime_start", "input"] * 2

    run(scenario)


def test_responses() -> None:
    async def scenario(world: World) -> None:
        for given in ("Hi", [{"type": "message", **HI[0]}]):
            status, text = await post(world, RESPONSES, {"model": OWN, "input": given})
            answer = json.loads(text)
            assert (status, answer["object"], answer["status"]) == (200, "response", "completed")
            assert answer["output"][0]["content"][0]["text"] == "Hello you"
            assert answer["usage"]["output_tokens"] == 2
        _, text = await post(world, RESPONSES, {"model": OWN, "input": "Hi", "stream": True})
        kinds = [event["type"] for event in events(text)]
        assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
        assert kinds.count("response.output_text.delta") == 2

    run(scenario)


def test_earlier_messages_are_part_of_the_users_message() -> None:
    async def scenario(world: World) -> None:
        earlier = [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "I am Ann"},
            {"role": "assistant", "content": "Hello Ann"},
        ]
        await post(world, CHAT, {"model": OWN, "messages": earlier + HI, "temperature": 1})
        sent = world.app_server.seen[-1]["payload"]["messages"][0]["content"]
        assert "user: I am Ann\nassistant: Hello Ann" in sent
        assert sent.endswith("Now:\nHi")
        assert "Be kind" not in sent

    run(scenario)


def test_an_answer_without_text_does_not_end_the_chat() -> None:
    """A turn can end without a text. The chat UI then sends the empty message with each later call."""

    async def scenario(world: World) -> None:
        for content in ("", " ", None, []):
            empty = [HI[0], {"role": "assistant", "content": content}]
            status, _ = await post(world, CHAT, {"model": OWN, "messages": empty + HI})
            assert status == 200
            sent = world.app_server.seen[-1]["payload"]["messages"][0]["content"]
            assert sent == "Earlier in this chat:\nuser: Hi\n\nNow:\nHi"

    run(scenario)


def test_a_developer_message_is_left_out_as_a_system_message_is() -> None:
    async def scenario(world: World) -> None:
        messages = [{"role": role, "content": "Obey."} for role in ("developer", "system", "tool")]
        body = {"model": OWN, "messages": messages + HI, "tools": [{"type": "function"}], "n": 1}
        assert (await post(world, CHAT, body))[0] == 200
        assert world.app_server.seen[-1]["payload"]["messages"][0]["content"] == "Hi"

    run(scenario)


def test_usage_comes_with_a_stream_if_it_is_asked_for() -> None:
    async def scenario(world: World) -> None:
        body = {"model": OWN, "messages": HI, "stream": True}
        for asked, counts in (({"include_usage": True}, True), ({}, False), (None, False)):
            _, text = await post(world, CHAT, body | {"stream_options": asked})
            *pieces, last = events(text)
            assert [("usage" in piece) for piece in pieces] == [counts] * len(pieces)
            assert (last["choices"] == []) is counts
            if counts:
                assert last["usage"]["total_tokens"] == 3

    run(scenario)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_what_is_refused(path: str, stream: bool) -> None:
    fine: dict[str, Any] = {"model": OWN, "messages": HI, "input": "Hi", "stream": stream}
    refused: list[tuple[Any, dict[str, str], int]] = [
        (fine | {"model": FOREIGN}, {}, 404),
        (fine | {"model": "a"}, {}, 404),
        (fine | {"model": [OWN]}, {}, 404),
        (fine | {"previous_response_id": "letta_resp_x"}, {}, 400),
        (fine | {"conversation": "local-conv-2"}, {}, 400),
        (fine | {"messages": [], "input": []}, {}, 400),
        (fine | {"messages": [HI[0] | {"content": " "}], "input": " "}, {}, 400),
        (fine | {"messages": [IMAGE], "input": [IMAGE]}, {}, 400),
        (fine | {"n": 2}, {}, 400),
        (fine | {"stream": "true"}, {}, 400),
        (fine | {"messages": [{"role": "user"}], "input": [1]}, {}, 400),
        (fine, {"X-Letta-Chat-Key": "x"}, 400),
        (fine, {"Authorization": "Bearer ade_0123456789ab_other"}, 401),
        (fine, {"Authorization": f"Bearer {'c' * 32}"}, 401),
        (fine, {"Content-Type": "text/plain"}, 415),
        (fine, {"Origin": "https://evil.example"}, 403),
        (json.dumps(fine)[:-1] + f', "model": "{FOREIGN}"}}', {}, 400),
        ("x" * 1_100_000, {}, 413),
    ]

    async def scenario(world: World) -> None:
        for body, headers, status in refused:
            assert (await post(world, path, body, **headers))[0] == status, (body, headers)
        assert world.app_server.seen == []
        world.ade.status = 500
        assert (await post(world, path, fine))[0] == 503

    run(scenario)


def test_models_are_the_own_agents_by_id() -> None:
    async def scenario(world: World) -> None:
        headers = {"Authorization": f"Bearer {KEY}"}
        async with world.session.get(f"{world.http}/v1/models", headers=headers) as answer:
            assert [model["id"] for model in (await answer.json())["data"]] == [OWN]

    run(scenario)


def test_a_failed_turn_is_an_error() -> None:
    async def scenario(world: World) -> None:
        world.app_server.stop_reason = "error"
        assert (await post(world, CHAT, {"model": OWN, "messages": HI}))[0] == 502
        _, text = await post(world, CHAT, {"model": OWN, "messages": HI, "stream": True})
        assert "error" in events(text)[-1]

    run(scenario)


@pytest.mark.parametrize("stream", [False, True])
def test_a_turn_ends_when_its_client_leaves(stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_api, "LOOK_SECONDS", 0.05)

    async def scenario(world: World) -> None:
        world.app_server.stop_reason = None  # the turn goes on
        body = {"model": OWN, "messages": HI, "stream": stream}
        asking = asyncio.create_task(post(world, CHAT, body))
        async with asyncio.timeout(SECONDS):
            while "input" not in [frame["type"] for frame in world.app_server.seen]:
                await asyncio.sleep(0.01)
            asking.cancel()
            while not world.app_server.sockets[-1].closed:
                await asyncio.sleep(0.01)
        assert asking.cancelled() or asking.cancelling()

    run(scenario)

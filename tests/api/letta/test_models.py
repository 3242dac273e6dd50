"""/v1/models/: the handles in use."""

from typing import Any

import pytest

from tests.api.calls import call, make_token
from tests.helpers import make_agent

pytestmark = pytest.mark.django_db


def handles(path: str, *, token: str | None = None) -> list[str]:
    return [model["handle"] for model in call("GET", path, token=token).json()]


def test_each_handle_is_listed_once() -> None:
    for model in ("openai/gpt-4.1", "anthropic/claude", "openai/gpt-4.1"):
        make_agent(model=model, embedding="openai/text-embedding-3-large")
    make_agent(model="groq/a/b")
    assert handles("/v1/models/") == ["anthropic/claude", "groq/a/b", "openai/gpt-4.1"]
    assert handles("/v1/models/?provider_name=groq") == ["groq/a/b"]
    assert handles("/v1/models/?provider_category=byok") == []
    [one] = call("GET", "/v1/models/embedding").json()
    assert (one["name"], one["embedding_dim"]) == ("text-embedding-3-large", 3072)


def test_without_agents_there_are_none() -> None:
    assert handles("/v1/models/") == handles("/v1/models/embedding") == []


def test_handles_of_the_settings_are_listed_too(settings: Any) -> None:
    make_agent(model="openai/gpt-4.1", embedding=None)
    settings.MODEL_HANDLES = ["openai/gpt-4.1", "anthropic/claude"]
    settings.EMBEDDING_HANDLES = ["openai/text-embedding-3-large"]
    assert handles("/v1/models/") == ["anthropic/claude", "openai/gpt-4.1"]
    assert handles("/v1/models/embedding") == ["openai/text-embedding-3-large"]


def test_a_limited_key_sees_those_of_its_agents() -> None:
    make_agent(model="a/mine", embedding="e/mine", tags=["user_1"])
    make_agent(model="a/theirs", embedding="e/theirs", tags=["user_2"])
    token = make_token(limit_tag="user_1")
    assert handles("/v1/models/", token=token) == ["a/mine"]
    assert handles("/v1/models/embedding", token=token) == ["e/mine"]

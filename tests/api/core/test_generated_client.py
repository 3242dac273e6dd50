"""A Python client generated from /v1/openapi.json works with the server that it describes."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from agents.models import Agent
from tests.api.calls import make_token
from tests.helpers import make_agent, tags_of

pytestmark = pytest.mark.only_sqlite  # the database plays no part
PACKAGE = "generated_ade_client"
# The generator knows no ZIP files, but bytes. It would format what it wrote; nobody reads it here.
CONFIG = {
    "content_type_overrides": {"application/zip": "application/octet-stream"},
    "post_hooks": [],
}


@pytest.fixture
def generated(live: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The package made from the whole document: anything it would leave out fails."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(CONFIG))
    # The generator itself waits for five seconds; the first answer takes longer on a busy machine.
    document = tmp_path / "openapi.json"
    document.write_bytes(httpx.get(f"{live}/v1/openapi.json", timeout=60).content)
    made = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"),
            *("--path", document, "--config", config),
            *("--meta", "none", "--output-path", tmp_path / PACKAGE),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(tmp_path)
    return import_module(PACKAGE)


def test_a_generated_client_creates_finds_and_tags_an_agent(
    generated: ModuleType, live: str
) -> None:
    models = import_module(f"{PACKAGE}.models")
    agents = {
        name: import_module(f"{PACKAGE}.api.agents.{name}")
        for name in ("create_agent", "list_agents", "change_agent_tags")
    }
    make_agent(tags=["user_2"])
    with generated.AuthenticatedClient(base_url=live, token=make_token()) as client:
        body = models.AgentBody(model="openai/gpt-4.1", name="Max", tags=["user_1"])
        made = agents["create_agent"].sync(client=client, body=body)
        listed = agents["list_agents"].sync(client=client, tags=["user_1"])
        assert [(agent.id, agent.name) for agent in listed] == [(made.id, "Max")]

        delta = models.TagsBody(add=["vip, gold"])
        changed = agents["change_agent_tags"].sync(made.id, client=client, body=delta)
        stored = Agent.objects.get(public_id=made.id)
        assert changed.tags == tags_of(stored) == ["user_1", "vip, gold"]

        refused = agents["change_agent_tags"].sync(made.id[:-1], client=client, body=delta)
        assert isinstance(refused, models.Problem)

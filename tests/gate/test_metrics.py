"""What the gate counts, and who may read it."""

import json

import pytest

from tests.gate.standins import CONNECTOR, FOREIGN, KEY, OWN, World, run

pytestmark = pytest.mark.only_sqlite  # the database plays no part
TOKEN = "m" * 32


async def read(world: World, token: str = TOKEN) -> tuple[int, dict[str, str]]:
    """The status, and the metrics by name and labels."""
    headers = {"Authorization": f"Bearer {token}"}
    async with world.session.get(f"{world.http}/metrics", headers=headers) as answer:
        lines = (await answer.text()).splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return answer.status, {name: value for name, _, value in pairs}


def test_requests_refusals_connections_and_the_app_server() -> None:
    async def scenario(world: World) -> None:
        assert "ade_gate_upstream_up" not in (await read(world))[1]
        async with world.client() as client, world.client(CONNECTOR) as connector:
            await client.ask("agent_retrieve", agent_id=OWN)
            await client.ask("agent_retrieve", agent_id=FOREIGN)
            await client.ask("terminal_spawn")
            await client.ask("agent_list", query={"limit": "x"})
            await connector.ask("agent_list")
            await connector.raw(json.dumps({"type": ["x"], "request_id": "r"}), "r")
            status, found = await read(world)
        assert status == 200
        wanted = {
            'requests_total{client="user",type="agent_retrieve"}': "2",
            'requests_total{client="user",type="other"}': "1",
            'requests_total{client="connector",type="agent_list"}': "1",
            'refusals_total{reason="unknown_agent"}': "1",
            'refusals_total{reason="unknown_type"}': "2",
            'refusals_total{reason="invalid_request"}': "1",
            'connections{client="user"}': "1",
            'connections{client="connector"}': "1",
            "upstream_up": "1",
            "upstream_connections": "2",
            "upstream_failures_total": "0",
        }
        assert {name: found[f"ade_gate_{name}"] for name in wanted} == wanted
        async with world.client() as client:
            await client.start()
            await world.app_server.sockets[-1].close()
            await client.closed()
        world.ade.status = 500
        async with world.session.get(
            f"{world.http}/v1/models", headers={"Authorization": f"Bearer {KEY}"}
        ) as answer:
            assert answer.status == 503
        _, found = await read(world)
        assert found["ade_gate_upstream_up"] == "0"
        assert found["ade_gate_upstream_failures_total"] == "1"
        assert found["ade_gate_ade_failures_total"] == "1"
        assert found['ade_gate_refusals_total{reason="no_answer_of_ade"}'] == "1"
        assert found['ade_gate_connections{client="user"}'] == "0"

    run(scenario, metrics_token=TOKEN)


def test_they_need_their_own_token() -> None:
    async def scenario(world: World) -> None:
        for token in (KEY, CONNECTOR, "", TOKEN + "m"):
            assert (await read(world, token))[0] == 401

    run(scenario, metrics_token=TOKEN)


def test_without_a_setting_there_are_none() -> None:
    async def scenario(world: World) -> None:
        assert (await read(world))[0] == 404
        assert (await read(world, ""))[0] == 404

    run(scenario)

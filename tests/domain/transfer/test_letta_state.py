"""What an import remembers of a server's agents from one time to the next."""

from agents.domain.transfer.letta_state import SourceAgent, source_agent
from agents.net.connectors.base import SeenAgent


def test_digests_are_those_of_earlier_imports() -> None:
    # With others, the next import would write every agent anew, over what was edited here.
    agent = {
        "id": "agent-1",
        "name": "n",
        "tags": [],
        "system": "s",
        "metadata": {"m": 1},
        "agent_type": "z",
        "hidden": True,
        "blocks": [{"id": "b1", "label": "l", "value": "v"}],
    }
    read = source_agent(SeenAgent("agent-1", "n", (), hidden=True, fields=agent))
    assert isinstance(read, SourceAgent)
    assert [read.digest, read.own_blocks[0].digest] == [
        "02b1bc6210cb4ed247c0b6ddb81c1eb8667c1476d485e1dac451df0ee65b3170",
        "b807d6a6de7251a27ded9a75e3f15177830a9b7604eda4b94d027ed915f72743",
    ]

"""Letta's own client makes, lists and deletes client-side access tokens, unchanged."""

import pytest
from letta_client import Letta

from agents.models import AccessToken
from tests.api.calls import make_token
from tests.helpers import make_agent

pytestmark = [pytest.mark.whole, pytest.mark.only_sqlite]  # the database plays no part


def test_access_tokens_of_the_client(live: str) -> None:
    own = make_agent(tags=["user_1"]).public_id
    with Letta(base_url=live, api_key=make_token(limit_tag="user_1")) as client:
        made = client.access_tokens.create(
            hostname="https://app.example",
            policy=[{"type": "agent", "id": own, "access": ["read_messages", "write_agent"]}],
        )
        assert (made.hostname, made.policy.version) == ("https://app.example", "1")
        assert made.policy.data[0].access == ["write_agent", "read_messages"]
        listed = client.access_tokens.list(agent_id=own, limit=5, offset=0)
        assert [token.token for token in listed.tokens] == [
            made.token.rpartition("_")[0][:18] + "_…"
        ]
        assert (listed.has_next_page, listed.tokens[0].expires_at) == (False, made.expires_at)
        client.access_tokens.delete(listed.tokens[0].token)
        again = client.access_tokens.create(hostname="https://app.example", policy=made.policy.data)
        client.access_tokens.delete(again.token)
    assert not AccessToken.objects.exists()

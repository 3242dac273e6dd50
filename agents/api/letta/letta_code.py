"""Routes that Letta Code calls besides agents, blocks and models. See docs/use/letta-code.md.

They are routes of Letta Cloud with fixed responses here, so the OpenAPI document leaves them out.
"""

import uuid
from typing import Any

from django.http import HttpRequest
from ninja import Path, Router

from agents.api.agents.bodies import AgentId
from agents.api.core.answers import Answer, error, json_answer
from agents.api.core.auth import actor_of
from agents.core.actors import Actor
from agents.core.json_text import loads
from agents.models import AgentDetail
from agents.queries.agents.find import find_seq

GIT_REFUSAL = (
    "ADE keeps no git memory. Set LETTA_MEMFS_BASE_URL to the address of ADE as well: with only "
    "LETTA_BASE_URL set, Letta Code sends its key to api.letta.com for git memory."
)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_USERS = uuid.UUID("0b6f1a0e-5c1b-4b0e-9d0a-6a1f4c2d7e55")  # arbitrary namespace of the IDs below

router = Router()


@router.get("/metadata/user", include_in_schema=False)
def user(request: HttpRequest) -> Answer:
    """Return the key's user. Letta Code pins an agent with the tag `favorite:user:<id>`."""
    actor = actor_of(request)
    return json_answer({"id": _user_id(actor), "name": actor.name, "email": None})


@router.get("/metadata/balance", include_in_schema=False)
def balance(request: HttpRequest) -> Answer:
    """Return a zero balance: ADE bills nothing."""
    return json_answer({"total_balance": 0, "monthly_credit_balance": 0, "billing_tier": None})


@router.get("/organizations/self/quotas", include_in_schema=False)
def quotas(request: HttpRequest) -> Answer:
    """Return no quotas: ADE has none."""
    return json_answer({})


@router.get("/agents/{agent_id}/context", include_in_schema=False)
def context(request: HttpRequest, agent_id: AgentId) -> Answer:
    """Return the agent's context. ADE runs no models, so all token counts are 0."""
    seq = find_seq(agent_id, actor_of(request))
    config, system = AgentDetail.objects.values_list("llm_config", "system").get(agent_id=seq)
    return json_answer(_context(loads(config).get("context_window") or 0, system))


@router.api_operation(_METHODS, "/git/{path:rest}", include_in_schema=False, auth=None)
def git(request: HttpRequest, rest: Path[str]) -> Answer:
    """Refuse with 501 without checking the key: git sends the key as a password."""
    return error(501, GIT_REFUSAL)


def _user_id(actor: Actor) -> str:
    """Return one ID for all keys of a user, before and after a rotation.

    For limited keys it derives from the limit, for others from the key's name.
    """
    who = str(actor.reach.stored()) if actor.limited else actor.name
    return f"user-{uuid.uuid5(_USERS, who)}"


def _context(window: int, system: str) -> dict[str, Any]:
    counts = (
        "core_memory",
        "external_memory_summary",
        "functions_definitions",
        "messages",
        "system",
    )
    return {
        "context_window_size_max": window,
        "context_window_size_current": 0,
        "system_prompt": system,
        "messages": [],
        "num_messages": 0,
        "num_archival_memory": 0,
        "num_recall_memory": 0,
        **{f"num_tokens_{name}": 0 for name in counts},
    }

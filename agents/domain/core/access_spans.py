"""Record who could access which agents, each time a key or a member changes.

Call these in the transaction of the change, after it. What is the same as before records nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ade.models import User
from agents.core.json_text import loads
from agents.core.reach import Reach, read_reach
from agents.models import AccessSpan, AccessToken, ApiKey

PROTECTED = "setting:PROTECTED_TAGS"
_COLUMNS = ("name", "rights", "only", "from_key", "tag", "agent_id", "expires_at")


def note_keys(keys: Sequence[ApiKey]) -> None:
    """Record what these keys can access now."""
    wanted = {}
    for key in keys:
        common = _common(key.name, key.scope, key.expires_at)
        if key.rights is not None:
            common["only"] = ",".join(loads(key.rights))
        ended = key.disabled_at is not None
        wanted[f"key:{key.key_id}"] = [] if ended else list(_spans(key.reach, common))
    _replace(wanted)


def note_member(member: User) -> None:
    """Record what this member can access now."""
    common = _common(member.display_name, str(member.role))
    reach = read_reach(member.stored_reach)
    spans = list(_spans(reach, common)) if member.is_active else []
    _replace({f"person:{member.pk}": spans})


def note_token(token: AccessToken) -> None:
    """Record what a new client-side access token can access, with what its key can."""
    common = _common(str(token.key.name), "token", token.expires_at) | {
        "from_key": token.key.key_id
    }
    policy = loads(token.policy)
    spans = [
        common | {"tag": None, "agent_id": agent_id, "only": ",".join(rights)}
        for agent_id, rights in policy.items()
    ]
    _replace({f"token:{token.token_id}": spans})


@transaction.atomic
def note_settings() -> None:
    """Record which tags the settings protect, if that differs from what is recorded last."""
    common = _common(", ".join(settings.PROTECTED_TAGS), "protected")
    # The empty id is that of no agent, so that it is in no answer about agents.
    _replace({PROTECTED: [common | {"tag": None, "agent_id": ""}]})


def note_tokens_ended(token_ids: Iterable[str]) -> None:
    """Record that these client-side access tokens were deleted."""
    _replace({f"token:{token_id}": [] for token_id in token_ids})


def _common(name: str, rights: str, expires_at: datetime | None = None) -> dict[str, Any]:
    rest = {"only": None, "from_key": None}
    return {"name": name, "rights": rights, "expires_at": expires_at, **rest}


def _spans(reach: Reach, common: dict[str, Any]) -> Iterable[dict[str, Any]]:
    if reach.everything:
        yield common | {"tag": None, "agent_id": None}
    for tag in reach.tags:
        yield common | {"tag": tag, "agent_id": None}
    for agent_id in reach.agents:
        yield common | {"tag": None, "agent_id": agent_id}


def _replace(wanted: dict[str, list[dict[str, Any]]]) -> None:
    """End the open spans of these subjects that are not wanted, and begin those that are not open."""
    now = timezone.now()
    ended: list[int] = []
    open_spans: dict[str, list[dict[str, Any]]] = {}
    for span in AccessSpan.objects.filter(subject__in=wanted, until=None):
        columns = {name: getattr(span, name) for name in _COLUMNS}
        if columns in wanted[span.subject]:
            open_spans.setdefault(span.subject, []).append(columns)
        else:
            ended.append(span.pk)
    AccessSpan.objects.filter(pk__in=ended).update(until=now)
    AccessSpan.objects.bulk_create(
        AccessSpan(subject=subject, since=now, **columns)
        for subject, spans in wanted.items()
        for columns in spans
        if columns not in open_spans.get(subject, [])
    )

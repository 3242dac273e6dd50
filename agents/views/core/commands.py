"""The pages and actions that the command palette offers."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from agents.core.actors import Actor, Power


@dataclass(frozen=True, slots=True)
class Command:
    """A page to open or an action to begin. `kind` is "page" or "action"."""

    name: str
    url: str
    kind: str = "page"


# Name, URL name, query, the power that it needs, and whether a limited member may open it.
_PAGES: tuple[tuple[str, str, dict[str, str], Power, bool], ...] = (
    ("Overview", "overview", {}, Power.READ, True),
    ("Agents", "agents", {}, Power.READ, True),
    ("Agents without an owner", "agents", {"userless": "1"}, Power.READ, True),
    ("Agents with two or more owners", "agents", {"two_users": "1"}, Power.READ, True),
    ("Agents over time", "access-tag", {}, Power.MANAGE, False),
    ("Users", "users", {}, Power.READ, True),
    ("Tags", "tags", {}, Power.READ, True),
    ("Look-alike tags", "tag-lookalikes", {}, Power.READ, False),
    ("History", "history", {}, Power.READ, True),
    ("Saved views", "views", {}, Power.READ, True),
    ("Bulk changes", "bulk", {}, Power.MANAGE, True),
    ("Webhooks", "webhooks", {}, Power.MANAGE, False),
    ("Members", "members", {}, Power.ADMIN, False),
    ("API keys", "keys", {}, Power.ADMIN, False),
    ("Your account", "account", {}, Power.READ, True),
    ("API reference", "v1:docs", {}, Power.READ, True),
)
_ACTIONS: tuple[tuple[str, str, dict[str, str], Power, bool], ...] = (
    ("New agent", "agent-new", {}, Power.WRITE, True),
    ("Import agents", "agent-upload", {}, Power.WRITE, True),
    ("Change tags from a CSV file", "bulk-csv", {}, Power.MANAGE, True),
    ("Export agents as CSV", "agent-export", {}, Power.READ, True),
    ("Create an API key", "keys", {"form": "1"}, Power.ADMIN, False),
    ("Add a member", "members", {"form": "1"}, Power.ADMIN, False),
    ("Add a webhook", "webhooks", {"form": "1"}, Power.MANAGE, False),
    ("Sign out", "account_logout", {}, Power.READ, True),
)


def commands_for(actor: Actor) -> list[Command]:
    """What this actor may open or begin: pages first."""
    return [
        Command(name, reverse(url) + (f"?{urlencode(query)}" if query else ""), kind)
        for kind, rows in (("page", _PAGES), ("action", _ACTIONS))
        for name, url, query, power, limited_too in rows
        if actor.can(power) and (limited_too or not actor.limited)
    ]

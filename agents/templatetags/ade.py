"""Template tags for all pages: tags as chips, invisible characters, times."""

import functools
import hashlib
import html
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import quote_plus, urlencode

from django import template
from django.template import defaulttags
from django.template.loader import render_to_string
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ade.models import User
from agents.core.limits import TAG_LENGTH
from agents.core.tag_text import fold, is_plain, quote, shown, with_marks
from agents.domain import members
from agents.domain.core.tag_rules import is_protected, names_a_user
from agents.domain.tags.second_owner import warns_of
from agents.models import Agent, Offboarding, Tag
from agents.queries import door
from agents.queries.agents.owners import owners_of
from agents.queries.agents.sourced import At, at_of, showable
from agents.queries.history.sparkline import changes_per_day
from agents.queries.tags.closed import watched
from agents.queries.tags.machine import is_machine

register = template.Library()
register.filter("quoted", quote)
register.filter("plain", functools.partial(shown, most=TAG_LENGTH))


_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Shown(Protocol):
    """What a chip shows: a Tag, a suggestion or a row of a list."""

    @property
    def name(self) -> str: ...
    @property
    def names_user(self) -> bool: ...
    @property
    def protected(self) -> bool: ...


@register.simple_tag
def chip(tag: Shown) -> SafeString:
    """A tag as every page shows it: a link to the agents that carry it."""
    head, tail = _halves(tag)
    return SafeString(f"{head}{_address('agents')}?any={tail}")


def _address(name: str) -> str:
    return _reversed(name, get_script_prefix())


@functools.lru_cache(maxsize=200)  # a page asks for each of its tags and links
def _reversed(name: str, script_prefix: str) -> str:
    return reverse(name)


class _FixedUrl(template.Node):
    """`{% url %}` of a page without arguments: its address is found once."""

    def __init__(self, name: str) -> None:
        self._name = name

    def render(self, context: template.Context) -> str:
        return _address(self._name)


@register.tag
def url(parser: template.base.Parser, token: template.base.Token) -> template.Node:
    """Django's tag, but an address without arguments is found once."""
    node = defaulttags.url(parser, token)
    name = node.view_name.var
    fixed = isinstance(name, str) and not (node.args or node.kwargs or node.asvar)
    return _FixedUrl(name) if fixed else node


@register.simple_tag
def chip_items(tags: Iterable[Shown]) -> SafeString:
    """Tags as the items of a list. One tag of the template for all: an agent can have a thousand."""
    return SafeString("\n".join(f"<li>{chip(tag)}</li>" for tag in tags))


@register.simple_tag
def chip_page(tag: Shown) -> SafeString:
    """A tag as a link to its page, or to the page of the user that it names."""
    head, tail = _halves(tag)
    return SafeString(f"{head}{_address('user' if tag.names_user else 'tag')}?name={tail}")


@register.simple_tag
def chip_page_of(name: str) -> SafeString:
    """The chip of a tag by its name, as a link to its page."""
    return chip_page(Tag(name=name, names_user=names_a_user(name), protected=is_protected(name)))


def _halves(tag: Shown) -> list[str]:
    colour, not_at = getattr(tag, "colour", ""), getattr(tag, "not_at", "")
    return chip_parts(tag.name, tag.names_user, tag.protected, colour, not_at)


register.filter("is_machine", is_machine)
register.filter("warns_of_owners", warns_of)
register.filter("showable", showable)


@register.simple_tag
def used_at(thing: Agent | Tag) -> datetime | None:
    """When an application last used an agent, or an agent with a tag; None if ADE does not know."""
    return (
        door.last_use_of_agent(thing) if isinstance(thing, Agent) else door.last_use_of_tag(thing)
    )


@register.simple_tag
def agent_owners(agent: Agent) -> list[Tag]:
    """The user tags of an agent."""
    return owners_of(agent.seq) if agent.user_tag_count else []


@register.simple_tag
def chip_of(name: str, known: Mapping[str, Tag] | None = None) -> SafeString:
    """The chip of a tag that may no longer exist, as in history; with its colour if it is `known`."""
    if known and name in known:
        return chip(known[name])
    return chip(Tag(name=name, names_user=names_a_user(name), protected=is_protected(name)))


# A page of agents shows the same tags again and again; a chip depends on nothing else but the link.
@functools.lru_cache(maxsize=10_000)
def chip_parts(
    name: str, names_user: bool, protected: bool, colour: str = "", not_at: str = ""
) -> list[str]:
    """A chip in two halves; the link to a list goes between them, up to the tag at its end."""
    prefix, colon, rest = name.partition(":")
    split = bool(prefix and rest) and not names_user
    context = {
        "url": f"\0{quote_plus(name)}",
        "prefix": prefix + colon if split else "",
        "rest": rest if split else name,
        "names_user": names_user,
        "protected": protected,
        "colour": colour,
        "machine": is_machine(name),
        "not_at": not_at,
    }
    # The link's place is marked by a character that no tag has.
    return render_to_string("components/tag.html", context).strip().split("\0")


@register.filter
def marked(text: str) -> SafeString:
    """The text with a visible mark for each invisible character."""
    if is_plain(text):
        return SafeString(html.escape(text))  # faster than Django's escape()
    return SafeString("".join(_marked_chars(text)))


@register.filter
def marked_match(text: str, typed: str) -> SafeString:
    """The text as `marked`, with the first match of what was typed in <mark>."""
    # Only where folding keeps the number of characters is a place in one a place in the other.
    place = fold(text).find(fold(typed)) if typed and len(fold(text)) == len(text) else -1
    if place < 0:
        return marked(text)
    end, chars = place + len(fold(typed)), _marked_chars(text)
    parts = (SafeString("".join(some)) for some in (chars[:place], chars[place:end], chars[end:]))
    return format_html("{}<mark>{}</mark>{}", *parts)


def _marked_chars(text: str) -> list[str]:
    return [
        html.escape(char) if mark is None else f'<span class="unseen">{mark}</span>'
        for char, mark in with_marks(text)
    ]


# The words of a state, by how good it is. Other words are neutral.
_STATES = {
    **dict.fromkeys(("On", "Good", "Active", "Delivered"), "good"),
    **dict.fromkeys(("To be tried again", "Ends soon"), "warn"),
    **dict.fromkeys(("Failing", "Switched itself off", "Given up"), "bad"),
}


@register.filter
def as_state(words: str) -> SafeString:
    """A state as a badge: a colour, a shape and the words."""
    level = _STATES.get(words, "off")
    return format_html('<span class="state state-{}">{}</span>', level, words)


@register.inclusion_tag("components/sparkline.html")
def sparkline(name: str) -> dict[str, object]:
    """Changes of a tag per day, 30 days. Only on pages of those who may read all history."""
    counts, cut = changes_per_day(name)
    top = max(counts) or 1
    bars = [(at * 4, round(20 - n / top * 18, 1), n / top * 18) for at, n in enumerate(counts) if n]
    return {"bars": bars, "total": sum(counts), "days": len(counts), "cut": cut, "name": name}


@register.filter
def as_place(url: str) -> str:
    """The query that keeps the list an agent was opened from; empty for the list of all agents."""
    return "" if str(url) == reverse("agents") else f"?{urlencode({'list': str(url)})}"


@register.filter
def in_words(field: str) -> str:
    """A field's name in words; an ID or label after it is left unchanged."""
    name, space, which = field.partition(" ")
    return name.replace("_", " ") + space + which


@register.filter
def tag_id(name: str) -> str:
    """A stable element id for a tag, whatever characters the tag has."""
    return f"tag-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


@register.simple_tag
def when(moment: datetime) -> SafeString:
    """How long ago, with the exact time as a tooltip."""
    exact = moment.astimezone(UTC)
    text = exact.isoformat(" ")[:19]
    words = ago(exact, timezone.now())
    return SafeString(
        f'<time datetime="{text[:10]}T{text[11:]}+00:00" title="{text} UTC" data-ago>{words}</time>'
    )


@register.simple_tag
def exactly(moment: datetime) -> SafeString:
    """The exact time in UTC; a script shows it in the reader's time zone."""
    day, clock = moment.astimezone(UTC).isoformat(timespec="minutes")[:16].split("T")
    return SafeString(
        f'<time datetime="{moment.astimezone(UTC).isoformat()}" data-exact>{day} {clock} UTC</time>'
    )


@register.simple_tag
def utc(moment: datetime) -> SafeString:
    """The time in UTC to the second, on pages that are asked for a time in UTC."""
    exact = moment.astimezone(UTC)
    return SafeString(f'<time datetime="{exact.isoformat()}">{exact:%Y-%m-%d %H:%M:%S} UTC</time>')


@register.simple_tag
def age(moment: datetime) -> SafeString:
    """How long ago, to the second below a minute; for parts of a page that ask again by themselves."""
    exact, now = moment.astimezone(UTC), timezone.now()
    passed = now - exact
    words = f"{max(int(passed.total_seconds()), 0)} s ago" if passed < _MINUTE else ago(exact, now)
    iso = exact.isoformat(timespec="seconds")
    title = iso[:19].replace("T", " ")
    return SafeString(f'<time datetime="{iso}" title="{title} UTC">{words}</time>')


@register.simple_tag
def place_of(agent: Agent) -> At | None:
    """Where the agent runs; None if it is kept in ADE only."""
    return at_of(agent)


@register.simple_tag
def came_back(member: User, thing: Agent | Tag) -> list[Offboarding]:
    """Off-boardings of users whose tag this agent or tag is (again). Limited members are told nothing."""
    if member.stored_reach is not None:
        return []
    closed = Tag.objects.filter(closed_until__gt=timezone.now())
    own = {"id": thing.id} if isinstance(thing, Tag) else {"agenttag__agent": thing}
    return list(watched(closed.filter(**own).values("name")).values())


@register.simple_tag
def limit_of(member: User) -> tuple[str, ...]:
    """The tags that a member is limited to; none for a member who can access all agents."""
    return members.limit_of(member)


@register.simple_tag
def limit_in_words(member: User) -> str:
    """A member's limit for the header of every page, such as "Care team · team:care". Empty without one."""
    if member.stored_reach is None:
        return ""
    names = members.limit_of(member)
    about = dict(Tag.objects.filter(name__in=names).values_list("name", "description"))
    parts = [_named(name, about.get(name, "")) for name in names]
    return ", ".join(parts) or "no agent"


def _named(name: str, description: str) -> str:
    first = description.partition("\n")[0].strip()
    text = shown(name, 40)
    return f"{shown(first, 30)} · {text}" if first else text


def ago(moment: datetime, now: datetime) -> str:
    """A span of time in words; from a week on, the date."""
    passed = now - moment
    if passed < _MINUTE:
        return "now"
    if passed < _HOUR:
        return f"{passed // _MINUTE} min ago"
    if passed < _DAY:
        return f"{passed // _HOUR} h ago"
    if passed < 2 * _DAY:
        return "yesterday"
    if passed < 7 * _DAY:
        return f"{passed.days} days ago"
    return moment.date().isoformat()

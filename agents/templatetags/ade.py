"""Template tags that every page may use: a tag as a chip, marks, times."""

import functools
import hashlib
import html
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import quote_plus

from django import template
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from agents.domain.tagrows import is_protected, names_a_user
from agents.limits import TAG_LENGTH
from agents.models import Tag
from agents.tagnames import fold, mark_of, quote, shown

register = template.Library()
register.filter("quoted", quote)
register.filter("plain", functools.partial(shown, most=TAG_LENGTH))


_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Shown(Protocol):
    """What a chip shows: a row of a list, a suggestion or a Tag has all of it."""

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
    return SafeString(f"{head}{reverse('agents')}?any={tail}")


@register.simple_tag
def chip_page(tag: Shown) -> SafeString:
    """The same as a link to the page of the tag, or of the user that it names."""
    head, tail = _halves(tag)
    return SafeString(f"{head}{reverse('user' if tag.names_user else 'tag')}?name={tail}")


def _halves(tag: Shown) -> list[str]:
    return chip_parts(tag.name, tag.names_user, tag.protected, getattr(tag, "colour", ""))


@register.simple_tag
def chip_of(name: str) -> SafeString:
    """The chip of a tag of which only the text is left, as in history."""
    return chip(Tag(name=name, names_user=names_a_user(name), protected=is_protected(name)))


# A page of agents shows the same tags again and again; a chip depends on nothing else but the link.
@functools.lru_cache(maxsize=10_000)
def chip_parts(name: str, names_user: bool, protected: bool, colour: str = "") -> list[str]:
    """A chip in two halves: between them stands the link, but for the tag at its end."""
    prefix, colon, rest = name.partition(":")
    split = bool(prefix and rest) and not names_user
    context = {
        "url": f"\0{quote_plus(name)}",
        "prefix": prefix + colon if split else "",
        "rest": rest if split else name,
        "names_user": names_user,
        "protected": protected,
        "colour": colour,
    }
    # The link's place is marked by a character that no tag has.
    return render_to_string("components/tag.html", context).strip().split("\0")


@register.filter
def marked(text: str) -> SafeString:
    """The text, with a visible mark for each character that cannot be seen."""
    if text.isprintable():
        return SafeString(html.escape(text))  # without Django's look for text that is lazy
    return mark_safe("".join(_marked(char) for char in text))  # noqa: S308  # escaped one by one


@register.filter
def marked_match(text: str, typed: str) -> SafeString:
    """The text as `marked`, with the first place that holds what was typed in <mark>."""
    # Only where folding keeps the number of characters is a place in one a place in the other.
    place = fold(text).find(fold(typed)) if typed and len(fold(text)) == len(text) else -1
    if place < 0:
        return marked(text)
    end = place + len(fold(typed))
    return format_html(
        "{}<mark>{}</mark>{}", marked(text[:place]), marked(text[place:end]), marked(text[end:])
    )


def _marked(char: str) -> str:
    mark = mark_of(char)
    return str(escape(char)) if mark is None else f'<span class="unseen">{mark}</span>'


@register.filter
def in_words(field: str) -> str:
    """A field's name as a person reads it; what follows it, an ID or a label, stays as it is."""
    name, space, which = field.partition(" ")
    return name.replace("_", " ") + space + which


@register.filter
def tag_id(name: str) -> str:
    """A stable element id for a tag, whatever characters the tag has."""
    return f"tag-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


@register.simple_tag
def when(moment: datetime) -> SafeString:
    """How long ago, with the exact time at hand."""
    exact = moment.astimezone(UTC)
    text = exact.isoformat(" ")[:19]
    words = ago(exact, timezone.now())
    return SafeString(
        f'<time datetime="{text[:10]}T{text[11:]}+00:00" title="{text} UTC" data-ago>{words}</time>'
    )


@register.simple_tag
def exactly(moment: datetime) -> SafeString:
    """The time itself, for a reader who cannot hover: UTC, until our script knows their zone."""
    day, clock = moment.astimezone(UTC).isoformat(timespec="minutes")[:16].split("T")
    return SafeString(
        f'<time datetime="{moment.astimezone(UTC).isoformat()}" data-exact>{day} {clock} UTC</time>'
    )


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

"""The tags of the tag editor as HTML.

They are formatted here, not in a template, as the rows of the agents list are: an agent can have a
thousand tags, and template nodes took 0.1 ms for each.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from html import escape

from django.utils.safestring import SafeString

from agents.core.limits import TAG_LENGTH
from agents.core.tag_text import shown
from agents.queries.agents import TagChip
from agents.queries.tags.news import News
from agents.templatetags.ade import chip, marked, tag_id

# Every value is escaped before it is put in.
_ITEM = '<li class="tag-item{marks}">\n{chip}\n{remove}{news}</li>'
_REMOVE = """\
<button class="chip-remove" id="{prefix}-{id}" form="{prefix}-remove" name="tag" value="{value}" \
aria-label="Remove tag {label}"{focus}><span aria-hidden="true">×</span></button>"""
_NEWS = """
<small class="tag-theirs">new · {by} <time datetime="{at}" data-clock>{clock} UTC</time></small>"""


@dataclass(frozen=True, slots=True)
class ItemStyle:
    """How the tags look: marked as new, as already there, with the focus; with buttons that remove them."""

    prefix: str
    may_write: bool = False
    fresh: Collection[str] = ()
    there: Collection[str] = ()
    focus: str = ""


def tag_items(tags: Iterable[tuple[TagChip, News | None]], style: ItemStyle) -> SafeString:
    """The items of the list; with each tag, who added it if that is news."""
    return SafeString("\n".join(_item(tag, news, style) for tag, news in tags))


def _item(tag: TagChip, news: News | None, style: ItemStyle) -> str:
    marks = " is-new" if tag.name in style.fresh else ""
    marks += " is-there" if tag.name in style.there else ""
    marks += " is-theirs" if news else ""
    remove = _remove(tag.name, style) if style.may_write else ""
    return _ITEM.format(
        marks=marks, chip=chip(tag), remove=remove, news=_news(news) if news else ""
    )


def _remove(name: str, style: ItemStyle) -> str:
    return _REMOVE.format(
        prefix=style.prefix,
        id=tag_id(name),
        value=escape(name),
        label=escape(shown(name, TAG_LENGTH)),
        focus=" data-focus" if name == style.focus else "",
    )


def _news(news: News) -> str:
    return _NEWS.format(by=marked(news.by), at=news.at.isoformat(), clock=f"{news.at:%H:%M}")

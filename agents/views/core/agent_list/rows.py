"""The rows of the agents list as HTML.

They are formatted here, not in a template: a page has 50 rows with some 250 tags, and template nodes
for each of them took half of the time of a page.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from html import escape  # faster than Django's

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString

from agents.core.tag_text import shown
from agents.queries.agents import AgentRow, TagChip
from agents.queries.agents.sourced import At
from agents.templatetags.ade import chip_parts, marked, when

_TAGS_AT_ONCE = 4  # tags of an agent that its row shows without a click
_OWNERS_AT_ONCE = 3
# The columns that a person can choose, in their order. The agent's name is always shown.
COLUMNS = {
    "owner": "Owner",
    "tags": "Tags",
    "model": "Model",
    "id": "ID",
    "created": "Created",
    "updated": "Changed",
}
DEFAULT_COLUMNS = ("owner", "tags", "model", "updated")

# Every value is escaped before it is put in.
_HEAD = """\
<tr><th scope="row" class="row-agent{head_class}">{checkbox}<a href="{url}">{name}</a>{source}\
<button type="button" class="button-link copy row-id row-act" data-copy="{public_id}" hidden>copy\
<span class="visually-hidden"> the ID of {label}</span></button></th>{cells}</tr>
"""
_CHECKBOX = """\
<input type="checkbox" class="pick" form="bulk" name="agent" value="{public_id}" \
aria-label="Select {label}"{checked}>"""
_SOURCE = """\
 <span class="row-source{stale}"><span class="visually-hidden">at </span><bdi>{name}</bdi>{age}</span>"""
_TAGS = '<div class="chips">{first}{more}{edit}</div>'
_MORE = """\
<details class="more-tags"><summary>+{count}<span class="visually-hidden"> more {what}</span></summary>\
{tags}</details>"""
_EDIT = """\
<a class="button-link row-edit row-act" href="{url}settings/#tags" hx-get="{url}tags/editor/" \
hx-target="closest td" hx-swap="innerHTML"{focus}>Edit<span class="visually-hidden"> the tags of {label}</span></a>"""
_NO_OWNER = '<span class="no-owner">No owner</span>'
_ASSIGN = """\
 <a class="button-link row-act" href="{url}owner/">Assign\
<span class="visually-hidden"> an owner to {label}</span></a>"""
_TWO_OWNERS = '<span class="two-owners">{count} owners</span>'


@dataclass(frozen=True, slots=True)
class RowStyle:
    """How the rows of a list look: its query string, its columns, and the tags to show first."""

    query: str = ""
    columns: tuple[str, ...] = DEFAULT_COLUMNS
    matching: frozenset[str] = frozenset()
    may_write: bool = False
    may_bulk: bool = False


def list_rows(
    rows: Iterable[AgentRow], style: RowStyle, picked: Collection[str] = ()
) -> SafeString:
    """The table rows of a list; each tag's link narrows the list to that tag."""
    url, link = _agent_url(), _narrow(style.query)
    return SafeString("".join(_row(row, url, link, style, picked) for row in rows))


def tags_cell(row: AgentRow, style: RowStyle) -> SafeString:
    """The tags of a row after its editor was closed. The button that opened it gets the focus.

    The owner's cell follows, for htmx to swap: the editor may have changed it.
    """
    url, link = _agent_url().format(row.public_id), _narrow(style.query)
    tags, owner = _tags(row, url, link, style, focus=" autofocus"), ""
    if "owner" in style.columns:
        owner = f"<template>{_owner_cell(row, url, link, style, oob=True)}</template>"
    return SafeString(tags + owner)


@lru_cache(maxsize=1_000)  # a row asks for it up to three times
def _label(name: str) -> str:
    return escape(shown(name))


@lru_cache(maxsize=1_000)  # many agents have the same
def _model(name: str) -> str:
    return marked(name)


def _agent_url() -> str:
    """The address of an agent with a place for its id, which needs no quoting."""
    return "{}".join(reverse("agent", args=["-"]).rsplit("-", 1))


def _narrow(query: str) -> str:
    """The start of a link to the list with one more tag."""
    return f"?{escape(query)}&amp;all=" if query else "?all="


def _row(row: AgentRow, url: str, link: str, style: RowStyle, picked: Collection[str]) -> str:
    label, address, checkbox = _label(row.name), url.format(row.public_id), ""
    if style.may_bulk:
        checked = " checked" if row.public_id in picked else ""
        checkbox = _CHECKBOX.format(public_id=row.public_id, label=label, checked=checked)
    return _HEAD.format(
        head_class=" pick-head" if style.may_bulk else "",
        checkbox=checkbox,
        url=address,
        name=marked(row.name),
        public_id=row.public_id,
        source=_source(row.at) if row.at else "",
        label=label,
        cells="".join(_cell(column, row, address, link, style) for column in style.columns),
    )


def _cell(column: str, row: AgentRow, url: str, link: str, style: RowStyle) -> str:
    if column == "owner":
        return _owner_cell(row, url, link, style)
    if column == "tags":
        return f'<td class="row-tags">{_tags(row, url, link, style)}</td>'
    if column == "model":
        return f'<td class="row-model mono">{_model(row.model)}</td>'
    if column == "id":
        return f'<td class="row-short mono">{row.short_id}</td>'
    moment = row.created_at if column == "created" else row.updated_at
    return f'<td class="row-time">{when(moment)}</td>'


def _source(at: At) -> str:
    """The agent's source; also its age if the source is not read now."""
    if not at.is_stale:
        return _SOURCE.format(stale="", name=marked(at.name), age="")
    age = f" as of {when(at.as_of)}" if at.as_of else " not read yet"
    return _SOURCE.format(stale=" row-stale", name=marked(at.name), age=age)


def _owner_cell(row: AgentRow, url: str, link: str, style: RowStyle, *, oob: bool = False) -> str:
    owners = [tag for tag in row.tags if tag.names_user]
    owners.sort(key=lambda tag: tag.name not in style.matching)
    text, rest = _chips(owners[:_OWNERS_AT_ONCE], link, style), owners[_OWNERS_AT_ONCE:]
    if rest:
        text += _MORE.format(count=len(rest), what="owners", tags=_chips(rest, link, style))
    if not owners:
        assign = _ASSIGN.format(url=url, label=_label(row.name)) if style.may_write else ""
        text = _NO_OWNER + assign
    elif len(owners) > 1 and not row.shared and settings.SECOND_OWNER != "allow":
        text += _TWO_OWNERS.format(count="two" if len(owners) == 2 else len(owners))
    mark = ' hx-swap-oob="true"' if oob else ""
    return f'<td class="row-owner" id="owner-{row.public_id}"{mark}><div class="chips">{text}</div></td>'


def _tags(row: AgentRow, url: str, link: str, style: RowStyle, focus: str = "") -> str:
    tags = [tag for tag in row.tags if not tag.names_user or "owner" not in style.columns]
    tags.sort(key=lambda tag: tag.name not in style.matching)
    more, edit, rest = "", "", tags[_TAGS_AT_ONCE:]
    if rest:
        more = _MORE.format(count=len(rest), what="tags", tags=_chips(rest, link, style))
    if style.may_write:
        edit = _EDIT.format(url=url, focus=focus, label=_label(row.name))
    return _TAGS.format(first=_chips(tags[:_TAGS_AT_ONCE], link, style), more=more, edit=edit)


def _chips(tags: Iterable[TagChip], link: str, style: RowStyle) -> str:
    return " ".join(_chip(tag, link, marked=tag.name in style.matching) for tag in tags)


def _chip(tag: TagChip, link: str, *, marked: bool) -> str:
    head, tail = chip_parts(tag.name, tag.names_user, tag.protected, tag.colour, tag.not_at)
    if marked:
        head = head.replace('class="chip', 'class="chip chip-match', 1)
    return f"{head}{link}{tail}"

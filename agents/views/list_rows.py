"""The rows of the list as its template shows them.

Half of the time of a list goes into its rows, and most of that into template nodes that do the same
for each of some 250 tags and 50 addresses. So these are made here, and the template only places them.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString

from agents.listing import AgentRow, TagChip
from agents.tagnames import shown
from agents.templatetags.ade import chip_parts, marked, when

# Tags of an agent that its row shows at once.
_FIRST = 4


@dataclass(frozen=True, slots=True)
class ShownRow:
    """An agent's row: texts as they stand in the page; `more` are the tags beyond the first few,
    `label` is the name where no markup may stand, as in an attribute."""

    url: str
    public_id: str
    short_id: str
    name: SafeString
    label: str
    model: SafeString
    chips: SafeString
    more: SafeString
    more_count: int
    updated: SafeString
    picked: bool = False


def shown_rows(
    rows: Iterable[AgentRow], narrow: str, picked: Collection[str] = ()
) -> list[ShownRow]:
    """The rows of a list; their tags lead to `narrow`, a query string, with that tag besides."""
    link = f"?{escape(narrow)}&amp;all=" if narrow else "?all="
    # An id is made of letters, digits and dashes, so its address needs no reversing of its own.
    before, after = reverse("agent", args=["-"]).split("-")
    return [
        ShownRow(
            url=f"{before}{row.public_id}{after}",
            public_id=row.public_id,
            short_id=row.short_id,
            name=marked(row.name),
            label=shown(row.name),
            model=marked(row.model),
            chips=_chips(row.tags[:_FIRST], link),
            more=_chips(row.tags[_FIRST:], link),
            more_count=len(row.tags) - _FIRST,
            updated=when(row.updated_at),
            picked=row.public_id in picked,
        )
        for row in rows
    ]


def _chips(tags: Iterable[TagChip], link: str) -> SafeString:
    parts = (chip_parts(tag.name, tag.names_user, tag.protected, tag.colour) for tag in tags)
    return SafeString(" ".join(f"{head}{link}{tail}" for head, tail in parts))

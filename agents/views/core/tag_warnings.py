"""What to check after agents were created, imported or assigned: the notices of their tags, as sentences."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest

from agents.core.actors import Actor
from agents.core.tag_text import shown
from agents.domain.tags.notices import MOST, Kind, notices_of
from agents.domain.tags.second_owner import counting, warns_of
from agents.models import Agent, AgentTag, Tag

_AGENTS = 500  # agents that are looked at
_SENTENCES = 10


def warn_about(
    request: HttpRequest, seqs: Sequence[int], actor: Actor, *, names: Collection[str] = ()
) -> None:
    """Show the notices of the tags of these agents, or of `names` only, on the next page."""
    for sentence in warnings_about(seqs, actor, names=names):
        messages.warning(request, sentence)


@contextmanager
def warn_of_second_owners(request: HttpRequest) -> Iterator[None]:
    """Say on the next page how many agents got a second owner by what is done inside."""
    with counting() as counted:
        yield
    if said := second_owners_in_words(counted.number):
        messages.warning(request, said)


def second_owners_in_words(number: int) -> str:
    """The sentence about agents that just got a second owner; empty for none."""
    if not number:
        return ""
    return f"{number:,} agent{' now belongs' if number == 1 else 's now belong'} to more than one user."


def warnings_about(seqs: Sequence[int], actor: Actor, *, names: Collection[str] = ()) -> list[str]:
    """Return the notices as sentences: first the agents with more than one owner, then what needs a look."""
    seqs = seqs[:_AGENTS]
    rows = AgentTag.objects.filter(agent_id__in=seqs)
    if names:
        rows = rows.filter(tag__name__in=names)
    on = Counter(rows.values_list("tag_id", flat=True))
    # Rare ones first; for a limited member by name, because the count has the agents of others too.
    order = ("-names_user", "name") if actor.limited else ("-names_user", "n", "name")
    tags = list(Tag.objects.filter(id__in=on).order_by(*order)[:MOST])
    new = {tag.name for tag in tags if tag.n <= on[tag.id]}
    found = notices_of(tags, actor=actor, first_uses=new)
    said = [
        f"{shown(each.tag)}: no other agent has it. Did you mean {shown(each.other)}?"
        if each.kind is Kind.NEW
        else f"{shown(each.tag)} {each.words}."
        for each in found
        if each.other or each.kind in (Kind.UNSEEN, Kind.SPACES)
    ]
    return [*_owners(seqs, names), *said][:_SENTENCES]


def _owners(seqs: Sequence[int], names: Collection[str]) -> list[str]:
    """Say how many of the agents belong to more than one user."""
    agents = Agent.objects.filter(seq__in=seqs, user_tag_count__gt=1).order_by("-seq")
    two = [agent for agent in agents if warns_of(agent)]
    if not two:
        return []
    if len(seqs) > 1:
        verb = "belongs" if len(two) == 1 else "belong"
        word = "agent" if len(two) == 1 else "agents"
        return [f"{len(two):,} {word} {verb} to more than one user."]
    users = AgentTag.objects.filter(agent=two[0], tag__names_user=True).order_by("tag__name")
    owners = [shown(name) for name in users.values_list("tag__name", flat=True)]
    first = next((shown(name) for name in names if shown(name) in owners), owners[-1])
    others = ", ".join(name for name in owners if name != first)
    return [f"{first} is a second owner. Also belongs to {others}."]

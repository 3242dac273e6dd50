"""Watch a tag: the overview of the member then shows its changes. No agent and no tag changes."""

from agents.core.actors import Actor
from agents.core.errors import Conflict, NotAllowed
from agents.core.limits import WATCHES
from agents.core.tag_text import text_problem
from agents.domain.core.transactions import write
from agents.domain.directory.plans import find_tag
from agents.models import TagWatch
from agents.queries.tags.watches import may_watch, watches_of


@write
def watch(*, name: str, actor: Actor) -> None:
    """Watch a tag; watching it already is no error. Raises NotFound, NotAllowed, Conflict (too many)."""
    _require(actor)
    found = find_tag(name).name
    watched = watches_of(actor)
    if watched.filter(name=found).exists():
        return
    if watched.count() >= WATCHES:
        raise Conflict(f"You watch {WATCHES} tags, which is the limit. Stop watching one first.")
    TagWatch.objects.bulk_create([TagWatch(owner_id=actor.id, name=found)], ignore_conflicts=True)


@write
def unwatch(*, name: str, actor: Actor) -> None:
    """Stop watching a tag, which need not exist any more. Raises NotAllowed."""
    _require(actor)
    if not text_problem(name):
        watches_of(actor).filter(name=name).delete()


def follow(*, old: str, new: str) -> None:
    """Let those who watch a tag that is renamed or merged watch its new name."""
    both = TagWatch.objects.filter(name=new).values_list("owner_id", flat=True)
    TagWatch.objects.filter(name=old, owner_id__in=list(both)).delete()
    TagWatch.objects.filter(name=old).update(name=new)


def _require(actor: Actor) -> None:
    if not may_watch(actor):
        raise NotAllowed("Only members who can see all agents watch tags.")

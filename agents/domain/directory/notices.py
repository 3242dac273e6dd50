"""What a person should know about plans of renames and merges, by the tag that agents get."""

from collections import Counter
from collections.abc import Sequence

from agents.core.actors import Actor
from agents.domain.directory.plans import TagOperation, TagPlan
from agents.domain.tags import tag_rows
from agents.domain.tags.notices import MOST, Kind, Notice, notices_of, ownerless_first
from agents.models import Tag


def plan_notices(plans: Sequence[TagPlan], *, actor: Actor) -> list[Notice]:
    """Return the notices of these plans: agents that lose their owner, second owners, then the tags they add.

    That a rename gives a new name is no news, nor that it looks like the old one.
    """
    second: Counter[str] = Counter()
    for plan in plans:
        if plan.target is not None and plan.second_owners:
            second[plan.target] += plan.second_owners
    names = list(dict.fromkeys(plan.target for plan in plans if plan.target is not None))[:MOST]
    rows = {tag.name: tag for tag in Tag.objects.filter(name__in=names)}
    tags = [rows.get(name) or tag_rows.new_tag(name) for name in names]
    new = {tag.name for tag in tags if not tag.n}
    renamed = {plan.name for plan in plans if plan.kind is TagOperation.RENAME}
    found = notices_of(tags, actor=actor, first_uses=new, second=dict(second))
    about_names = (Kind.NEW, Kind.LOOKALIKE)
    lost = {plan.name: plan.ownerless for plan in plans if plan.ownerless}
    return ownerless_first(lost) + [
        one
        for one in found
        if one.kind not in about_names or (one.other and one.other not in renamed)
    ]

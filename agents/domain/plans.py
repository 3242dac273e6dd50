"""What a rename, a merge or a deletion of a tag would come to, before it is done.

The same function makes the plan that is shown and the one that is compared with it under the locks.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from agents.actors import Actor, Power
from agents.domain import impact, pace, tagrows, wide
from agents.domain.impact import Followers, in_few
from agents.errors import Conflict, Invalid, NotAllowed, NotFound
from agents.models import Tag
from agents.tagnames import require_legal, shown, text_problem


class Kind(StrEnum):
    """What is planned."""

    RENAME = "rename"
    MERGE = "merge"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class TagPlan:
    """The impact. `overlap` is how many agents carry both tags of a merge; `follows` is what names
    the tag and moves with it.
    """

    kind: Kind
    tag: Tag
    target: str | None
    agents: int
    overlap: int
    follows: Followers
    names_user: bool
    protected: bool
    fingerprint: str
    # As it was planned: the row of a renamed tag has the new one.
    name: str

    @property
    def moved(self) -> int:
        """Agents that come to carry the target of a merge."""
        return self.agents - self.overlap

    @property
    def needs_admin(self) -> bool:
        """True if API keys would see or write agents that nobody gave them: an admin decides."""
        return bool(self.follows.wider)

    @property
    def lists_stay(self) -> bool:
        """True if keys' lists that name the tag go on naming it, with nothing there to write."""
        return self.kind is Kind.DELETE or "*" in str(self.target)

    @property
    def seconds(self) -> int | None:
        """How long other writers are likely to wait, where that is worth saying: who writes these
        tags or agents, on SQLite everyone."""
        written = self.kind is not Kind.RENAME or self.names_user != self.tag.names_user
        if not written or self.agents < settings.WARN_AGENTS:
            return None
        return pace.seconds(self.agents)


class PlanChanged(Conflict):
    """What the plan said is no longer so; `plan` is the new one."""

    def __init__(self, plan: TagPlan) -> None:
        super().__init__("This has changed since the plan was made: look at the new one.")
        self.plan = plan


def plan_rename(*, old: str, new: str, actor: Actor) -> TagPlan:
    """What renaming would come to. Raises NotFound, NotAllowed, Invalid (illegal, the same name),
    Conflict (there is such a tag: that is a merge)."""
    require_manager(actor, "rename tags")
    require_legal(new, field="new")
    tag = find_tag(old)
    if new == old:
        raise Invalid("That is the name it has.", field="new")
    if Tag.objects.filter(name=new).exists():
        raise Conflict(f"There is a tag {shown(new)} already: merge the two.", field="new")
    return rename_of(tag, new)


def plan_merge(*, source: str, target: str, actor: Actor) -> TagPlan:
    """What merging one tag into another would come to. Raises NotFound, NotAllowed, Invalid."""
    require_manager(actor, "merge tags")
    if source == target:
        raise Invalid("A tag cannot be merged into itself.", field="target")
    return merge_of(find_tag(source), find_tag(target, field="target"))


def plan_delete(*, name: str, actor: Actor) -> TagPlan:
    """What deleting a tag would come to. Raises NotFound, NotAllowed."""
    require_manager(actor, "delete tags")
    return delete_of(find_tag(name))


def rename_of(tag: Tag, new: str) -> TagPlan:
    """The plan of a rename that is legal."""
    renamed = tagrows.new_tag(new)
    if tag.protected_by_hand:
        renamed.protected = tag.protected
    follows = impact.of_rename(tag, renamed)
    guarded = tagrows.is_protected(new)
    return _plan(
        Kind.RENAME, tag, new, follows=follows, user=renamed.names_user, guarded=guarded
    )  # fmt: skip


def merge_of(tag: Tag, into: Tag) -> TagPlan:
    """The plan of a merge. Its cost is that of the rarer tag."""
    few, many = sorted((tag, into), key=lambda one: one.n)
    overlap = wide.one(
        "SELECT count(*) FROM agents_agenttag s WHERE s.tag_id = %s AND EXISTS"
        " (SELECT 1 FROM agents_agenttag t WHERE t.tag_id = %s AND t.agent_id = s.agent_id)",
        [few.id, many.id],
    )
    facts = f"{into.id} {into.protected} {into.names_user}"
    return _plan(
        Kind.MERGE,
        tag,
        into.name,
        follows=impact.of_merge(tag, into),
        overlap=overlap,
        user=into.names_user,
        guarded=into.protected,
        more=facts,
    )


def delete_of(tag: Tag) -> TagPlan:
    """The plan of a deletion."""
    follows = impact.of_delete(tag)
    return _plan(Kind.DELETE, tag, None, follows=follows, user=tag.names_user)


def _plan(
    kind: Kind,
    tag: Tag,
    target: str | None,
    *,
    follows: Followers,
    overlap: int = 0,
    user: bool,
    guarded: bool = False,
    more: str = "",
) -> TagPlan:
    protected = tag.protected or guarded
    facts = (kind, tag.id, tag.name, target, tag.n, overlap, follows, user, protected, more)
    print_ = hashlib.sha256(repr(facts).encode("utf-8", "replace")).hexdigest()[:32]
    return TagPlan(kind, tag, target, tag.n, overlap, follows, user, protected, print_, tag.name)


def require_manager(actor: Actor, what: str) -> None:
    """Raise NotAllowed unless the actor may change tags for everyone."""
    if actor.limit is not None:
        raise NotAllowed(f"A key that is limited to a tag may not {what}.")
    actor.require(Power.MANAGE, what)


def require_unchanged(plan: TagPlan, fingerprint: str | None) -> None:
    """Raise PlanChanged unless the plan is the one that was shown, or none was."""
    if fingerprint is not None and fingerprint != plan.fingerprint:
        raise PlanChanged(plan)


def require_rights(plan: TagPlan, actor: Actor) -> None:
    """Raise NotAllowed where the plan would widen what API keys may do, unless by an admin."""
    if plan.needs_admin and not actor.can(Power.ADMIN):
        raise NotAllowed(
            f"API keys would come to see or write other agents ({in_few(plan.follows.wider)}): "
            f"only an admin may {plan.kind} this tag, or disable those keys first."
        )


def find_tag(name: str, *, field: str = "name") -> Tag:
    """The tag of this name. Raises NotFound."""
    tag = None if text_problem(name) else Tag.objects.filter(name=name).first()
    if tag is None:
        raise NotFound(f"There is no tag {shown(name)}.", field=field)
    return tag

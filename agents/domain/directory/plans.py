"""Plan a rename, merge or deletion of a tag.

The same functions make the plan that is shown and the plan that is compared with it under the locks.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, Invalid, NotAllowed, NotFound
from agents.core.json_text import dumps
from agents.core.tag_text import require_legal, shown, text_problem
from agents.domain.core import tag_rules, timing
from agents.domain.directory import impact
from agents.domain.directory.impact import Followers, in_few
from agents.domain.tags import second_owner, tag_rows, write_all
from agents.models import BulkOp, BulkPlan, BulkState, Tag


class TagOperation(StrEnum):
    """The operation that is planned."""

    RENAME = "rename"
    MERGE = "merge"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class TagPlan:
    """The effects of the operation. `overlap` is the number of agents with both tags of a merge.

    `follows` are the keys, members and saved views that refer to the tag.
    """

    kind: TagOperation
    tag: Tag
    target: str | None
    agents: int
    overlap: int
    follows: Followers
    names_user: bool
    protected: bool
    fingerprint: str
    # The name when it was planned. After a rename, `tag` has the new name.
    name: str
    # The number of agents that get a second owner, and of those that have no owner afterwards.
    second_owners: int = 0
    ownerless: int = 0

    @property
    def moved(self) -> int:
        """The number of agents that gain the target of a merge."""
        return self.agents - self.overlap

    @property
    def needs_admin(self) -> bool:
        """True if API keys would gain access that nobody granted. Then an admin must do it."""
        return bool(self.follows.wider)

    @property
    def lists_stay(self) -> bool:
        """True if the patterns of keys keep the tag although it no longer exists."""
        return self.kind is TagOperation.DELETE or "*" in str(self.target)

    @property
    def is_job(self) -> bool:
        """True if the worker does it in batches, so that other writers do not wait."""
        return self.kind is not TagOperation.RENAME and self.agents > settings.WHOLE_TAG_AT_ONCE

    @property
    def seconds(self) -> int | None:
        """The estimated time: of the worker, or how long other writers wait. None if that is short.

        Waiting concerns writers of these tags or agents; on SQLite, all writers.
        """
        if self.is_job:
            return timing.job_seconds(self.agents)
        written = self.kind is not TagOperation.RENAME or self.names_user != self.tag.names_user
        if not written or self.agents < settings.WARN_AGENTS:
            return None
        return timing.seconds(self.agents)


class PlanChanged(Conflict):
    """The plan is out of date. `plan` is the new one."""

    def __init__(self, plan: TagPlan) -> None:
        super().__init__("This has changed since the plan was made. Review the new plan.")
        self.plan = plan


def plan_rename(*, old: str, new: str, actor: Actor) -> TagPlan:
    """Plan a rename. Raises NotFound, NotAllowed, Invalid (an illegal or the same name), Conflict (the
    new name is taken)."""
    require_manager(actor, "rename tags")
    require_legal(new, field="new")
    tag = find_tag(old)
    if new == old:
        raise Invalid("The tag already has this name. Enter another one.", field="new")
    if Tag.objects.filter(name=new).exists():
        raise Conflict(f"A tag {shown(new)} already exists: merge the two instead.", field="new")
    return rename_of(tag, new)


def plan_merge(*, source: str, target: str, actor: Actor) -> TagPlan:
    """Plan a merge of one tag into another. Raises NotFound, NotAllowed, Invalid."""
    require_manager(actor, "merge tags")
    if source == target:
        raise Invalid("A tag cannot be merged into itself.", field="target")
    return merge_of(find_tag(source), find_tag(target, field="target"))


def plan_delete(*, name: str, actor: Actor) -> TagPlan:
    """Plan a deletion. Raises NotFound, NotAllowed."""
    require_manager(actor, "delete tags")
    return delete_of(find_tag(name))


def rename_of(tag: Tag, new: str) -> TagPlan:
    """Plan a legal rename. Raises Conflict (see `require_settled`)."""
    require_settled(tag)
    renamed = tag_rows.new_tag(new)
    if tag.protected_by_hand:
        renamed.protected = tag.protected
    renamed.names_user = renamed.names_user or bool(tag.user_by_hand)
    follows = impact.of_rename(tag, renamed)
    guarded = tag_rules.is_protected(new)
    return _plan(
        TagOperation.RENAME, tag, new, follows=follows, user=renamed.names_user, guarded=guarded,
        second=second_owner.count_owned(tag) if renamed.names_user > tag.names_user else 0,
    )  # fmt: skip


def merge_of(tag: Tag, into: Tag) -> TagPlan:
    """Plan a merge. It costs as much as the rarer tag has agents. Raises Conflict (see `require_settled`)."""
    require_settled(tag)
    require_settled(into)
    few, many = sorted((tag, into), key=lambda each: each.n)
    overlap = write_all.count(
        "SELECT count(*) FROM agents_agenttag s WHERE s.tag_id = %s AND EXISTS"
        " (SELECT 1 FROM agents_agenttag t WHERE t.tag_id = %s AND t.agent_id = s.agent_id)",
        [few.id, many.id],
    )
    facts = f"{into.id} {into.protected} {into.names_user}"
    return _plan(
        TagOperation.MERGE,
        tag,
        into.name,
        follows=impact.of_merge(tag, into),
        overlap=overlap,
        user=into.names_user,
        guarded=into.protected,
        second=second_owner.count_merged(tag, into),
        more=facts,
    )


def delete_of(tag: Tag) -> TagPlan:
    """Plan a deletion. Raises Conflict (see `require_settled`)."""
    require_settled(tag)
    follows = impact.of_delete(tag)
    return _plan(TagOperation.DELETE, tag, None, follows=follows, user=tag.names_user)


def _plan(
    kind: TagOperation,
    tag: Tag,
    target: str | None,
    *,
    follows: Followers,
    overlap: int = 0,
    user: bool,
    guarded: bool = False,
    second: int = 0,
    more: str = "",
) -> TagPlan:
    protected = tag.protected or guarded
    stays = user and kind is not TagOperation.DELETE
    ownerless = 0 if stays else second_owner.count_ownerless(tag)
    facts = (kind, tag.id, tag.name, target, tag.n, overlap, follows, user, protected, second, more)
    print_ = hashlib.sha256(repr((*facts, ownerless)).encode("utf-8", "replace")).hexdigest()[:32]
    return TagPlan(
        kind,
        tag,
        target,
        tag.n,
        overlap,
        follows,
        user,
        protected,
        print_,
        tag.name,
        second,
        ownerless,
    )


def require_settled(tag: Tag) -> None:
    """Raise Conflict while a bulk change merges, deletes or off-boards the tag, or merges into it."""
    if tag.ends_in is not None:
        raise Conflict(f"{shown(tag.name)} is already being merged, deleted or off-boarded.")
    merges = BulkPlan.objects.filter(op=BulkOp.MERGE, add=dumps([tag.name]))
    if Tag.objects.filter(ends_in__in=merges.exclude(state=BulkState.DONE).values("id")).exists():
        raise Conflict(
            f"Another tag is being merged into {shown(tag.name)}. Wait until that is done."
        )


def require_manager(actor: Actor, what: str) -> None:
    """Raise NotAllowed unless the actor may change tags for all users."""
    actor.require_unlimited(f"may not {what}")
    actor.require(Power.MANAGE, what)


def require_unchanged(plan: TagPlan, fingerprint: str | None) -> None:
    """Raise PlanChanged if the plan differs from the one that was shown, if any."""
    if fingerprint is not None and fingerprint != plan.fingerprint:
        raise PlanChanged(plan)


def require_rights(plan: TagPlan, actor: Actor) -> None:
    """Raise NotAllowed if the plan gives API keys more access and the actor is not an admin."""
    if plan.needs_admin and not actor.can(Power.ADMIN):
        raise NotAllowed(
            f"API keys would gain access to other agents or tags ({in_few(plan.follows.wider)}). Only an "
            f"admin may {plan.kind} this tag. Or disable those keys first."
        )


def find_tag(name: str, *, field: str = "name") -> Tag:
    """Return the tag with this name. Raises NotFound."""
    tag = None if text_problem(name) else Tag.objects.filter(name=name).first()
    if tag is None:
        raise NotFound(f"There is no tag {shown(name)}.", field=field)
    return tag

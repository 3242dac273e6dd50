"""Who may see and manage sources, and how one is found."""

from django.db.models import QuerySet

from agents.core.actors import Actor, ActorKind, Power
from agents.core.errors import NotFound
from agents.core.tag_text import shown, text_problem
from agents.models import AgentSource, InboxItem


def require_admin(actor: Actor, what: str) -> None:
    """Raise NotAllowed unless the actor may do this with sources: an admin, or a key that an admin gave
    manage scope, without a limit."""
    actor.require(Power.MANAGE if actor.kind is ActorKind.KEY else Power.ADMIN, what)
    actor.require_sign_in(what)
    actor.require_unlimited(f"cannot {what}")


def require_manager(actor: Actor, what: str) -> None:
    """Raise NotAllowed unless the actor may decide what the inbox asks: a manager without a limit."""
    actor.require(Power.MANAGE, what)
    actor.require_sign_in(what)
    actor.require_unlimited(f"cannot {what}")


def sources_of(actor: Actor) -> QuerySet[AgentSource]:
    """All sources. Raises NotAllowed."""
    require_admin(actor, "see sources")
    return AgentSource.objects.all()


def get_source(*, source: int | str, actor: Actor) -> AgentSource:
    """Return a source by its id or its name. Raises NotFound, NotAllowed."""
    return found(sources_of(actor), source)


def locked_source(source: int | str, actor: Actor) -> AgentSource:
    """Lock a source by its id or its name. Raises NotFound, NotAllowed. Call it inside a write."""
    return found(sources_of(actor).select_for_update(no_key=True), source)


def found(rows: QuerySet[AgentSource], source: int | str) -> AgentSource:
    """The source of this id or name among the rows. Raises NotFound."""
    row = None
    if isinstance(source, int):
        row = rows.filter(id=source).first() if abs(source) < 2**63 else None
    elif not text_problem(source):
        row = rows.filter(name=source).first()
    if row is None:
        raise NotFound(f"There is no source {shown(str(source))}.", field="source")
    return row


def locked_item(item_id: int, actor: Actor) -> InboxItem:
    """Lock a question of the inbox. Raises NotFound, NotAllowed. Call it inside a write."""
    require_manager(actor, "decide what the inbox asks")
    rows = InboxItem.objects.select_for_update(no_key=True, of=("self",)).select_related("source")
    item = rows.filter(id=item_id).first() if abs(item_id) < 2**63 else None
    if item is None:
        raise NotFound("There is no such question in the inbox.")
    return item

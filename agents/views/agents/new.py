"""Create an agent, empty or as a copy of another."""

import hashlib
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.views.decorators.http import require_http_methods

from ade.http import render_page, see_other
from agents.core.actors import Actor, Power
from agents.core.errors import (
    BadRequest,
    Conflict,
    Invalid,
    NotAllowed,
    SecondOwner,
    SourceUnavailable,
)
from agents.core.tag_text import problem, shown
from agents.domain.agents.duplicate import duplicate_agent
from agents.domain.agents.write import create_agent
from agents.domain.core import permissions
from agents.domain.core.idempotency import AlreadyDone, Once
from agents.domain.core.tag_rules import is_protected, names_a_user
from agents.domain.sources import through
from agents.forms import NewAgentForm, texts_of
from agents.models import Agent, Block, Change, Tag
from agents.queries.agents import TagChip, chips
from agents.queries.agents.model_names import embeddings_in_use, models_in_use
from agents.views.core.actors import actor_of, find_agent
from agents.views.core.tag_warnings import warn_about


@dataclass(frozen=True, slots=True)
class Offered:
    """A tag that the page offers for the new agent; `refused` is why this person may not add it."""

    tag: TagChip
    ticked: bool
    refused: str | None


@require_http_methods(["GET", "HEAD", "POST"])
def new_agent(request: HttpRequest) -> HttpResponse:
    """A form for a new agent with the tags in `?tag=`, or for a copy of the agent `?copy=`; a post creates it."""
    actor = actor_of(request)
    actor.require(Power.WRITE, "create agents")
    copied = request.GET.get("copy")
    source = find_agent(actor, copied) if copied else None
    if request.method == "POST":
        return _create(request, actor, source)
    form = NewAgentForm(initial=NewAgentForm.initial_of(source) if source else None)
    return _page(request, actor, source, form)


def _create(request: HttpRequest, actor: Actor, source: Agent | None) -> HttpResponse:
    form = NewAgentForm(request.POST)
    status = 422
    if form.is_valid():
        try:
            agent = _made(form, actor, source)
            warn_about(request, [agent.seq], actor)
            return _to(agent)
        except (Invalid, BadRequest) as error:
            form.refuse(error)
        except NotAllowed as error:
            form.refuse(error)
            status = error.status
        except SecondOwner as error:
            form.add_error("tags", error.message)
            status = error.status
        except SourceUnavailable as error:
            form.refuse(error)
            status = error.status
        except AlreadyDone as done:
            return _to(find_agent(actor, done.earlier.made[0]))
        except Conflict as error:
            if form.cleaned_data.get("at_source"):  # it is paused
                form.refuse(error)
                return _page(request, actor, source, form, status=error.status)
            # The form was sent twice.
            return _to(find_agent(actor, _id_of(form, actor) or ""))
    return _page(request, actor, source, form, status=status)


def _made(form: NewAgentForm, actor: Actor, source: Agent | None) -> Agent:
    spec = replace(form.spec(), public_id=_id_of(form, actor))
    if source is None and (at_source := form.cleaned_data.get("at_source")):
        return through.create_agent(spec, source=at_source, actor=actor, once=_once(form, actor))
    sent_before = Change.objects.filter(agent_id=spec.public_id or "")
    if actor.limited and sent_before.exists():
        raise Conflict("The form was sent twice.")
    if source is None:
        return create_agent(spec, actor=actor)
    with_blocks = form.cleaned_data["with_blocks"]
    return duplicate_agent(
        agent_id=source.public_id, spec=spec, with_blocks=with_blocks, actor=actor
    )


def _id_of(form: NewAgentForm, actor: Actor) -> str | None:
    """The ID for the new agent, the same if the form is sent twice.

    A limited member cannot choose it: the answer that an ID is taken would reveal another user's agent.
    """
    sent: str | None = form.data.get("public_id") or None
    if sent is None or not actor.limited:
        return sent
    digest = salted_hmac("agents.views.agents.new", f"{actor.id} {sent}", algorithm="sha256")
    return f"agent-{UUID(bytes=digest.digest()[:16], version=4)}"


def _once(form: NewAgentForm, actor: Actor) -> Once:
    """A form that is sent twice creates one agent at a source, too: its ID was chosen with the page."""
    digest = hashlib.sha256(f"page {form.data.get('public_id')}".encode()).hexdigest()
    return Once(caller=actor.id, key_digest=digest, request_digest=digest)


def _to(agent: Agent) -> HttpResponse:
    return see_other(reverse("agent", args=[agent.public_id]))


def _page(
    request: HttpRequest,
    actor: Actor,
    source: Agent | None,
    form: NewAgentForm,
    *,
    status: int = 200,
) -> HttpResponse:
    blocks = Block.objects.filter(agentblock__agent=source).count() if source else 0
    if not blocks:
        del form.fields["with_blocks"]
    if source:
        form.fields.pop("at_source", None)  # a copy is kept in ADE
    offered, notices = _offered(request, actor, source, form)
    if offered:
        form.fields["tags"].label = "More tags"
    context = {
        "form": form,
        "source": source,
        "offered": offered,
        "notices": notices,
        "blocks": blocks,
        # Chosen with the page, so that a form sent twice creates one agent.
        "public_id": request.POST.get("public_id") or f"agent-{uuid4()}",
        "models": models_in_use(actor=actor),
        "embeddings": embeddings_in_use(actor=actor),
        "nav": "agents",
    }
    return render_page(request, "agents/new.html", context, fragment="new", status=status)


def _offered(
    request: HttpRequest, actor: Actor, source: Agent | None, form: NewAgentForm
) -> tuple[list[Offered], list[str]]:
    """The tags of the limit, from the address and of the copied agent, and a notice for each illegal one.

    User tags of the copied agent are offered but not ticked: the new agent may belong to another user.
    """
    asked = texts_of(request.GET, "tag")
    notices = [
        f"The tag “{shown(t)}” {why}, so it is left out." for t in asked if (why := problem(t))
    ]
    tags = {name: _chip(name) for name in asked if not problem(name)}
    ticked = set(form.ticked()) if form.is_bound else set(tags)
    # A member who is limited to several tags chooses at least one of them. A single one is added anyway.
    choice = actor.reach.tags if len(actor.reach.tags) > 1 else ()
    tags = {name: _chip(name) for name in choice} | tags
    for tag in chips([source.seq]).get(source.seq, []) if source else []:
        if tag.name not in tags and not form.is_bound and not tag.names_user:
            ticked.add(tag.name)
        tags.setdefault(tag.name, tag)
    offered = []
    for name, tag in tags.items():
        row = Tag(name=name, names_user=tag.names_user, protected=tag.protected)
        free = name in actor.reach.tags
        refused = None if free else permissions.refusal(actor, row, adding=True)
        offered.append(Offered(tag, name in ticked and not refused, refused))
    return offered, notices


def _chip(name: str) -> TagChip:
    return TagChip(name, names_a_user(name), is_protected(name), "")

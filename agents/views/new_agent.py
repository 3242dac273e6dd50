"""A new agent, made from nothing or after another one."""

from dataclasses import dataclass
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from ade.http import render_page, see_other
from agents.actors import Actor, Power
from agents.domain import guard
from agents.domain.agents import create_agent
from agents.domain.duplicates import duplicate_agent
from agents.domain.tagrows import is_protected, names_a_user
from agents.errors import BadRequest, Conflict, Invalid, NotAllowed
from agents.forms import NewAgentForm, texts_of
from agents.listing import TagChip, chips
from agents.listing.models import embeddings_in_use, models_in_use
from agents.models import Agent, Block, Tag
from agents.tagnames import problem, shown
from agents.views.access import actor_of, find_agent


@dataclass(frozen=True, slots=True)
class Offered:
    """A tag that the page offers for the new agent; `refused` says why this person may not."""

    tag: TagChip
    ticked: bool
    refused: str | None


@require_http_methods(["GET", "HEAD", "POST"])
def new_agent(request: HttpRequest) -> HttpResponse:
    """A form for a new agent, with the tags of `?tag=`, or after the agent of `?copy=`; make it."""
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
            return _to(_made(form, actor, source))
        except (Invalid, BadRequest) as error:
            form.refuse(error)
        except NotAllowed as error:
            form.refuse(error)
            status = error.status
        except Conflict:
            # The same form, sent twice.
            return _to(find_agent(actor, form.data["public_id"]))
    return _page(request, actor, source, form, status=status)


def _made(form: NewAgentForm, actor: Actor, source: Agent | None) -> Agent:
    if source is None:
        return create_agent(form.spec(), actor=actor)
    with_blocks = form.cleaned_data["with_blocks"]
    return duplicate_agent(
        agent_id=source.public_id, spec=form.spec(), with_blocks=with_blocks, actor=actor
    )


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
    offered, notices = _offered(request, actor, source, form)
    if offered:
        form.fields["tags"].label = "More tags"
    context = {
        "form": form,
        "source": source,
        "offered": offered,
        "notices": notices,
        "blocks": blocks,
        # Made with the page, so that a form sent twice makes one agent.
        "public_id": request.POST.get("public_id") or f"agent-{uuid4()}",
        "models": models_in_use(actor=actor),
        "embeddings": embeddings_in_use(actor=actor),
        "nav": "agents",
    }
    return render_page(request, "agents/new.html", context, fragment="new", status=status)


def _offered(
    request: HttpRequest, actor: Actor, source: Agent | None, form: NewAgentForm
) -> tuple[list[Offered], list[str]]:
    """The tags of the address and of the agent copied, and a notice for each that is none.

    Whose agent it is, is asked anew: tags that name users are offered, and not ticked.
    """
    asked = texts_of(request.GET, "tag")
    notices = [f"The tag “{shown(t)}” {why}: left out." for t in asked if (why := problem(t))]
    tags = {name: _chip(name) for name in asked if not problem(name)}
    ticked = set(form.ticked()) if form.is_bound else set(tags)
    for tag in chips([source.seq]).get(source.seq, []) if source else []:
        if tag.name not in tags and not form.is_bound and not tag.names_user:
            ticked.add(tag.name)
        tags.setdefault(tag.name, tag)
    offered = []
    for name, tag in tags.items():
        row = Tag(name=name, names_user=tag.names_user, protected=tag.protected)
        refused = guard.refusal(actor, row, adding=True)
        offered.append(Offered(tag, name in ticked and not refused, refused))
    return offered, notices


def _chip(name: str) -> TagChip:
    return TagChip(name, names_a_user(name), is_protected(name), "")

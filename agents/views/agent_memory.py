"""An agent's memory blocks."""

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from ade.http import render_page, see_other, wants_fragment
from agents.actors import Actor, Power
from agents.domain.blocks import update_block
from agents.errors import Invalid, NotFound
from agents.forms import BlockForm, text_of
from agents.models import Agent, Block
from agents.views.access import actor_of, find_agent


@require_http_methods(["GET", "HEAD", "POST"])
def memory(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Show the blocks, with `?edit=<label>` one of them as a form; save that form."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    if request.method == "POST":
        return _save(request, agent, actor)
    label = request.GET.get("edit")
    if label is None or not actor.can(Power.WRITE):
        return _page(request, agent, actor)
    block = _block(agent, label)
    form = BlockForm(initial=BlockForm.initial_of(block))
    return _page(request, agent, actor, editing=label, form=form)


def _save(request: HttpRequest, agent: Agent, actor: Actor) -> HttpResponse:
    actor.require(Power.WRITE, "edit memory blocks")
    label = text_of(request.POST, "label") or ""
    block = _block(agent, label)
    form = BlockForm(request.POST, initial=BlockForm.initial_of(block))
    if form.is_valid():
        try:
            value = form.changed("value")
            update_block(agent_id=agent.public_id, label=label, actor=actor, value=value)
        except Invalid as error:
            form.refuse(error)
    if form.errors:
        status = 409 if form.stale else 422
        return _page(request, agent, actor, editing=label, form=form, status=status)
    if wants_fragment(request):
        return _page(request, agent, actor, saved=label)
    return see_other(reverse("agent-memory", args=[agent.public_id]))


def _block(agent: Agent, label: str) -> Block:
    block = None if "\0" in label else Block.objects.filter(agentblock__agent=agent, label=label)
    found = block.first() if block is not None else None
    if found is None:
        raise NotFound("This agent has no such memory block.")
    return found


def _page(
    request: HttpRequest,
    agent: Agent,
    actor: Actor,
    *,
    editing: str | None = None,
    form: BlockForm | None = None,
    saved: str | None = None,
    status: int = 200,
) -> HttpResponse:
    mine = Block.objects.filter(agentblock__agent=agent).values("id")
    blocks = Block.objects.filter(id__in=mine).annotate(agents=Count("agentblock"))
    context = {
        "agent": agent,
        "blocks": blocks.order_by("label"),
        "editing": editing,
        "form": form,
        "saved": saved,
        "may_write": actor.can(Power.WRITE),
        "nav": "agents",
        "tab": "memory",
    }
    return render_page(
        request, "agents/agent_memory.html", context, fragment="blocks", status=status
    )

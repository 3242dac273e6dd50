"""An agent's memory blocks: shown, added, edited, taken off."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from ade.http import render_page, see_other, wants_fragment
from agents.actors import Actor, Power
from agents.domain.agentblocks import add_block, detach_block
from agents.domain.blocks import delete_block, edit_block
from agents.errors import Conflict, Invalid, NotFound
from agents.forms import BlockForm
from agents.models import Agent, Block
from agents.tagnames import shown, text_problem
from agents.views.access import actor_of, find_agent

_NOTE = "memory-note"


@dataclass(frozen=True, slots=True)
class Open:
    """Which of the tab's forms is open: that of the block `editing`, of `removing` it, or a new one."""

    form: BlockForm | None = None
    editing: str | None = None
    removing: str | None = None


@require_http_methods(["GET", "HEAD", "POST"])
def memory(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Show the blocks, with `?edit=`, `?remove=` (a block's id) or `?add=1` a form; save an edit."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    if request.method == "POST":
        return _save(request, agent, actor)
    note = request.session.get(_NOTE)
    if note and note["agent"] == agent_id:
        del request.session[_NOTE]
        return _page(request, agent, actor, said=note["said"])
    return _page(request, agent, actor, _asked_for(request, agent, actor))


@require_POST
def add(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Make a block for the agent."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    actor.require(Power.WRITE, "edit memory blocks")
    form = BlockForm(request.POST)
    if form.is_valid():
        try:
            block = add_block(agent_id=agent_id, new=form.new(), actor=actor)
        except Invalid as error:
            form.refuse(error)
        else:
            return _done(request, agent, actor, f"Block {shown(block.label)} added.", block)
    return _page(request, agent, actor, Open(form), status=422)


@require_POST
def remove(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Take a block off the agent, or with `how=delete` delete it for all that have it."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    actor.require(Power.WRITE, "edit memory blocks")
    block = _block(agent, request.POST.get("block", ""))
    label = shown(block.label)
    if request.POST.get("how") == "delete":
        delete_block(block_id=block.public_id, actor=actor)
        return _done(request, agent, actor, f"Block {label} deleted.")
    detach_block(agent_id=agent_id, block_id=block.public_id, actor=actor)
    return _done(request, agent, actor, f"Block {label} taken off this agent.")


def _save(request: HttpRequest, agent: Agent, actor: Actor) -> HttpResponse:
    actor.require(Power.WRITE, "edit memory blocks")
    block = _block(agent, request.POST.get("block", ""))
    form = BlockForm(request.POST, initial=BlockForm.initial_of(block))
    status = 422
    if form.is_valid():
        try:
            block = edit_block(block_id=block.public_id, edit=form.edit(), actor=actor)
        except (Invalid, Conflict) as error:
            form.refuse(error)
            status = error.status
        else:
            return _done(request, agent, actor, f"Block {shown(block.label)} saved.", block)
    status = 409 if form.stale else status
    return _page(request, agent, actor, Open(form, editing=block.public_id), status=status)


def _asked_for(request: HttpRequest, agent: Agent, actor: Actor) -> Open:
    """The form that the address opens, for who may write."""
    if not actor.can(Power.WRITE):
        return Open()
    if edit := request.GET.get("edit"):
        block = _block(agent, edit)
        return Open(BlockForm(initial=BlockForm.initial_of(block)), editing=block.public_id)
    if taken := request.GET.get("remove"):
        return Open(removing=_block(agent, taken).public_id)
    return Open(BlockForm()) if request.GET.get("add") else Open()


def _block(agent: Agent, block_id: str) -> Block:
    mine = Block.objects.filter(agentblock__agent=agent, public_id=block_id)
    block = None if text_problem(block_id) else mine.first()
    if block is None:
        raise NotFound("This agent has no such memory block.")
    return block


def _done(
    request: HttpRequest, agent: Agent, actor: Actor, said: str, block: Block | None = None
) -> HttpResponse:
    """The blocks as they are now, and what was done; without htmx on the page that follows."""
    if wants_fragment(request):
        return _page(request, agent, actor, said=said, focus=block and block.public_id)
    request.session[_NOTE] = {"agent": agent.public_id, "said": said}
    return see_other(reverse("agent-memory", args=[agent.public_id]))


def _page(
    request: HttpRequest,
    agent: Agent,
    actor: Actor,
    opened: Open = Open(),
    *,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    mine = Block.objects.filter(agentblock__agent=agent).values("id")
    blocks = Block.objects.filter(id__in=mine).annotate(agents=Count("agentblock"))
    page = {
        "agent": agent,
        "blocks": blocks.order_by("label"),
        "opened": opened,
        "may_write": actor.can(Power.WRITE),
        "nav": "agents",
        "tab": "memory",
    }
    return render_page(
        request, "agents/agent_memory.html", page | context, fragment="blocks", status=status
    )

"""Show, add, edit, detach and delete an agent's memory blocks."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST

from ade.http import render_page, see_other, wants_fragment
from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, Invalid, NotFound, SourceUnavailable
from agents.core.tag_text import shown
from agents.domain.memory.agent import add_block, detach_block
from agents.domain.memory.write import delete_block, delete_unused, edit_block
from agents.domain.sources import memory as there
from agents.forms import BlockForm
from agents.models import Agent, Block
from agents.queries.memory import BlockFilter, block_page
from agents.views.core.actors import actor_of, find_agent

_UNUSED = 50  # blocks of no agent on a page


@dataclass(frozen=True, slots=True)
class OpenForm:
    """The form that the tab shows: to edit block `editing`, to remove block `removing`, or to add one."""

    form: BlockForm | None = None
    editing: str | None = None
    removing: str | None = None


@require_http_methods(["GET", "HEAD", "POST"])
def memory(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Show the blocks, or with `?edit=`, `?remove=` (a block's id) or `?add=1` a form; a post saves an edit."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    if request.method == "POST":
        return _save(request, agent, actor)
    try:
        blocks = _blocks(agent, actor)
    except (SourceUnavailable, Conflict) as error:
        return _page(request, agent, actor, blocks=[], status=error.status, trouble=error.message)
    return _page(request, agent, actor, _asked_for(request, blocks, actor), blocks=blocks)


@require_POST
def add(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Add a block to the agent."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    actor.require(Power.WRITE, "edit memory blocks")
    there.require_kept_here(agent_id=agent_id, actor=actor)
    form = BlockForm(request.POST)
    status = 422
    if form.is_valid():
        try:
            block = add_block(agent_id=agent_id, new=form.new(), actor=actor)
        except (Invalid, Conflict, SourceUnavailable) as error:
            form.refuse(error)
            status = error.status
        else:
            return _done(request, agent, actor, f"Block {shown(block.label)} added.", block)
    return _page(request, agent, actor, OpenForm(form), status=status)


@require_POST
def remove(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Detach a block from the agent, or with `how=delete` delete it for all agents."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    actor.require(Power.WRITE, "edit memory blocks")
    there.require_kept_here(agent_id=agent_id, actor=actor)
    block = _block(_blocks(agent, actor), request.POST.get("block", ""))
    label = shown(block.label)
    if request.POST.get("how") == "delete":
        delete_block(block_id=block.public_id, actor=actor)
        return _done(request, agent, actor, f"Block {label} deleted.")
    detach_block(agent_id=agent_id, block_id=block.public_id, actor=actor)
    return _done(request, agent, actor, f"Block {label} detached from this agent.")


def _save(request: HttpRequest, agent: Agent, actor: Actor) -> HttpResponse:
    actor.require(Power.WRITE, "edit memory blocks")
    blocks = _blocks(agent, actor)
    block = _block(blocks, request.POST.get("block", ""))
    form = BlockForm(request.POST, initial=BlockForm.initial_of(block))
    status = 422
    if form.is_valid():
        try:
            if agent.source_id is None:
                block = edit_block(block_id=block.public_id, edit=form.edit(), actor=actor)
            else:
                there.edit_block(
                    agent_id=agent.public_id, label=block.label, edit=form.edit(), actor=actor
                )
        except (Invalid, Conflict, SourceUnavailable) as error:
            form.refuse(error)
            status = error.status
        else:
            return _done(request, agent, actor, f"Block {shown(block.label)} saved.", block)
    status = 409 if form.stale else status
    opened = OpenForm(form, editing=block.public_id)
    return _page(request, agent, actor, opened, status=status, blocks=blocks)


def _blocks(agent: Agent, actor: Actor) -> list[Block]:
    """The agent's blocks; those of an agent of a source are read there, and are no rows."""
    found = there.blocks_of(agent_id=agent.public_id, actor=actor)
    if found is None:
        mine = Block.objects.filter(agentblock__agent=agent).values("id")
        rows = Block.objects.filter(id__in=mine).annotate(agents=Count("agentblock"))
        return list(rows.order_by("label"))
    blocks = [block.as_row() for block in found]
    return sorted(blocks, key=lambda block: block.label)


def _asked_for(request: HttpRequest, blocks: list[Block], actor: Actor) -> OpenForm:
    """The form that the address opens, if the actor may write."""
    if not actor.can(Power.WRITE):
        return OpenForm()
    if edit := request.GET.get("edit"):
        block = _block(blocks, edit)
        return OpenForm(BlockForm(initial=BlockForm.initial_of(block)), editing=block.public_id)
    if taken := request.GET.get("remove"):
        return OpenForm(removing=_block(blocks, taken).public_id)
    return OpenForm(BlockForm()) if request.GET.get("add") else OpenForm()


def _block(blocks: list[Block], block_id: str) -> Block:
    block = next((block for block in blocks if block.public_id == block_id), None)
    if block is None:
        raise NotFound("This agent has no such memory block.")
    return block


def _done(
    request: HttpRequest, agent: Agent, actor: Actor, said: str, block: Block | None = None
) -> HttpResponse:
    """The blocks and what was done; without htmx a redirect to the page, which reports it."""
    if wants_fragment(request):
        return _page(request, agent, actor, said=said, focus=block and block.public_id)
    messages.success(request, said)
    return see_other(reverse("agent-memory", args=[agent.public_id]))


def _page(
    request: HttpRequest,
    agent: Agent,
    actor: Actor,
    opened: OpenForm = OpenForm(),
    *,
    status: int = 200,
    blocks: list[Block] | None = None,
    **context: Any,
) -> HttpResponse:
    page = {
        "agent": agent,
        "blocks": _blocks(agent, actor) if blocks is None else blocks,
        "source": agent.source,
        "opened": opened,
        "may_write": actor.can(Power.WRITE),
        "nav": "agents",
        "tab": "memory",
    }
    return render_page(request, "memory.html", page | context, fragment="blocks", status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def unused(request: HttpRequest) -> HttpResponse:
    """The memory blocks that no agent has, oldest first. A post deletes the ticked ones."""
    actor = actor_of(request)
    actor.require_unlimited("may not see memory blocks of no agent")
    problem, status = "", 200
    if request.method == "POST":
        actor.require(Power.MANAGE, "delete memory blocks of no agent")
        ids = list(dict.fromkeys(request.POST.getlist("block")))[:_UNUSED]
        if ids:
            number = sum(delete_unused(block_id=block_id, actor=actor) for block_id in ids)
            messages.success(request, f"{number} memory block{'' if number == 1 else 's'} deleted.")
            return see_other(reverse("memory-unused"))
        problem, status = "Tick at least one memory block first.", 422
    after = request.GET.get("after") or None
    page = block_page(BlockFilter(agents_equal=(0,)), actor=actor, size=_UNUSED, after=after)
    context = {
        "blocks": page,
        "older": urlencode({"after": page[-1].public_id}) if page.more else "",
        "problem": problem,
        "may_manage": actor.can(Power.MANAGE),
        "nav": "agents",
    }
    return render(request, "memory_unused.html", context, status=status)

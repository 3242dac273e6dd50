"""/v1/agents/{id}/export and /v1/agents/import: agents as agent files."""

from dataclasses import replace
from typing import Any

from django.http import HttpRequest
from ninja import File, Form, Header, Query, Router
from ninja.files import UploadedFile

from agents.api.answers import Answer, json_answer
from agents.api.auth import actor_of
from agents.api.bodies import AgentId, ExportQuery, ImportForm
from agents.api.schemas import READ_ONE, WRITE, AgentFileState, ImportedState, answers
from agents.domain.agentfile import AgentFile, parse
from agents.domain.exports import export_agent as export
from agents.domain.imports import import_file
from agents.domain.newagents import NewAgent
from agents.errors import BadRequest, Invalid
from agents.tagnames import shown

router = Router(tags=["agent files"])


@router.get("/{agent_id}/export", response=answers(AgentFileState, READ_ONE))
def export_agent(request: HttpRequest, agent_id: AgentId, query: Query[ExportQuery]) -> Answer:
    """The agent as an agent file, with its tags and memory blocks."""
    if query.use_legacy_format:
        raise BadRequest("ADE writes the current form of agent files only.")
    return json_answer(export(agent_id, actor=actor_of(request)))


@router.post("/import", response=answers(ImportedState, WRITE), url_name="api-import")
def import_agents(
    request: HttpRequest,
    file: File[UploadedFile],
    form: Form[ImportForm],
    x_override_embedding_model: Header[str | None] = None,
) -> Answer:
    """Make the agents of an agent file, all or none; also when they were imported before."""
    if form.embedding is None:
        form.embedding = form.override_embedding_handle or x_override_embedding_model
    try:
        found = parse(file.read())
    except Invalid as error:
        raise BadRequest(f"The file “{shown(file.name or '')}” {error.message}") from error
    changed = [_changed(agent, form) for agent in found.agents]
    made = import_file(AgentFile(changed, found.not_kept), actor=actor_of(request), again=True)
    return json_answer({"agent_ids": [agent.public_id for agent in made.made]})


def _changed(agent: NewAgent, form: ImportForm) -> NewAgent:
    """The agent with what the request says instead of the file."""
    changes: dict[str, Any] = {}
    name = form.name or form.override_name
    if name or form.append_copy_suffix:
        changes["name"] = name or f"{agent.name}_copy"
    if model := form.model or form.override_model_handle:
        changes["model"] = model
    if form.embedding:
        changes["embedding"] = form.embedding
    return replace(agent, **changes)

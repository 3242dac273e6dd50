"""/v1/agents/{id}/export and /v1/agents/import: export and import agent files."""

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from ninja import File, Form, Header, Query, Router
from ninja.files import UploadedFile

from agents.api.agents.bodies import AgentId, ExportQuery, ImportForm, Which
from agents.api.agents.routes import filter_of
from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.idempotency import IDEMPOTENT, Made, idempotent
from agents.api.core.not_kept import ascii_name, name_not_kept
from agents.api.core.schemas import READ, READ_ONE, WRITE, AgentFileState, ImportedState, answers
from agents.core.errors import BadRequest, Invalid, NotFound, StillRunning
from agents.core.filters import Sort
from agents.core.limits import EXPORT_AGENTS
from agents.domain.agents.new import NewAgent
from agents.domain.transfer.agent_file import AgentFile, TooMuch
from agents.domain.transfer.downloads import RUNNING_MOST, start_download
from agents.domain.transfer.export import export_agent as export
from agents.domain.transfer.export_zip import zip_pieces
from agents.domain.transfer.import_file import import_file
from agents.domain.transfer.many_files import parse_files
from agents.models import Agent
from agents.queries.agents.export import agent_ids

router = Router(tags=["agent files"])


_ZIP = {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}


@router.get(
    "/export",
    operation_id="export_agents",
    response=answers(None, (*READ, 409)),
    openapi_extra={"responses": {200: _ZIP}},
)
def export_agents(request: HttpRequest, query: Query[Which]) -> HttpResponseBase:
    """Export the agents that match as a zip file of agent files, newest first. At most 2,000."""
    actor = actor_of(request)
    wanted = filter_of(query, actor)
    most = EXPORT_AGENTS + 1
    ids = [] if wanted is None else agent_ids(wanted, actor=actor, sort=Sort.NEWEST, most=most)
    if len(ids) > EXPORT_AGENTS:
        raise Invalid(f"A zip file has at most {EXPORT_AGENTS:,} agents. Narrow the filter.")
    running = start_download(zip_pieces(ids, actor=actor), actor)
    if running is None:
        raise StillRunning(f"{RUNNING_MOST} exports are already running. Try again later.")
    headers = {
        "Content-Disposition": 'attachment; filename="agents.zip"',
        "X-Accel-Buffering": "no",
    }
    return StreamingHttpResponse(running, content_type="application/zip", headers=headers)


@router.get(
    "/{agent_id}/export", operation_id="export_agent", response=answers(AgentFileState, READ_ONE)
)
def export_agent(request: HttpRequest, agent_id: AgentId, query: Query[ExportQuery]) -> Answer:
    """Export an agent as an agent file, with its tags and memory blocks."""
    if query.use_legacy_format:
        raise BadRequest("ADE cannot write the legacy format. Leave out `use_legacy_format`.")
    return json_answer(export(agent_id, actor=actor_of(request)))


@router.post(
    "/import",
    operation_id="import_agents",
    response=answers(ImportedState, WRITE),
    url_name="api-import",
    openapi_extra=IDEMPOTENT,
)
def import_agents(
    request: HttpRequest,
    file: File[UploadedFile],
    form: Form[ImportForm],
    x_override_embedding_model: Header[str | None] = None,
) -> Answer:
    """Import all agents of an agent file, or none. Importing a file again creates new agents.

    `file` can be a zip file of agent files. Repeat `file` to send several files.
    """
    if form.embedding is None:
        form.embedding = form.override_embedding_handle or x_override_embedding_model
    given = request.FILES.getlist("file") or [file]
    try:
        found = parse_files([(upload.name or "", upload.read()) for upload in given])
    except TooMuch as error:
        raise Invalid(_sentence(error), field="file") from error
    except Invalid as error:
        raise BadRequest(_sentence(error)) from error
    changed = [_changed(agent, form) for agent in found.agents]
    response = _import(request, AgentFile(changed, found.not_kept))
    return name_not_kept(response, [ascii_name(words) for words in found.not_kept])


def _sentence(error: Invalid) -> str:
    return f"The file {error.message}" if error.message.startswith("“") else error.message


def _imported(request: HttpRequest, ids: list[str]) -> Answer:
    visible = Agent.objects.visible_to(actor_of(request)).filter(public_id__in=ids)
    if visible.count() < len(ids):
        raise NotFound("Some of these agents no longer exist.")
    return json_answer({"agent_ids": ids})


@idempotent(_imported)
def _import(request: HttpRequest, file: AgentFile) -> Made:
    made = import_file(file, actor=actor_of(request), again=True).made
    ids = [agent.public_id for agent in made]
    return json_answer({"agent_ids": ids}), ids


def _changed(agent: NewAgent, form: ImportForm) -> NewAgent:
    """Return the agent with the request's overrides."""
    changes: dict[str, Any] = {}
    name = form.name or form.override_name
    if name or form.append_copy_suffix:
        changes["name"] = name or f"{agent.name}_copy"
    if model := form.model or form.override_model_handle:
        changes["model"] = model
    if form.embedding:
        changes["embedding"] = form.embedding
    return replace(agent, **changes)

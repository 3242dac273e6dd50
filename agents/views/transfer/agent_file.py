"""Agent files: one agent as a file to keep, and a file's agents brought in."""

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods

from ade.http import render_page, see_other, wants_fragment
from agents.core.actors import Actor, Power
from agents.core.errors import DomainError, Invalid
from agents.core.json_text import dumps
from agents.core.tag_text import parse_typed, require_legal, shown
from agents.domain.transfer.agent_file import AgentFile
from agents.domain.transfer.export import export_agent
from agents.domain.transfer.import_file import Imported, import_file
from agents.domain.transfer.many_files import parse_files
from agents.forms import text_of
from agents.forms.tags import TagInput
from agents.models import Agent
from agents.views.core.actors import actor_of, find_agent
from agents.views.core.tag_warnings import warnings_about

TEMPLATE = "transfer/upload.html"
_NOTE = "upload-note"
# Of a file with more agents these are named; all are in the list.
_FIELD = {"id": "upload-tags", "aria-describedby": "upload-tags-help"}
_NAMED = 20


@require_GET
def download(request: HttpRequest, agent_id: str) -> HttpResponse:
    """The agent as a file that ADE and Letta read."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    text = dumps(export_agent(agent_id, actor=actor))
    name = "".join(c if c.isalnum() or c in " -_." else "_" for c in agent.name[:80]).strip(". ")
    # Not shown in the browser: whatever the file holds, it is no page of this site.
    disposition = content_disposition_header(True, f"{name or agent.short_id}.af")
    headers = {"Content-Disposition": str(disposition)}
    return HttpResponse(text, content_type="application/json", headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """Ask for an agent file; bring in its agents, all or none, and none twice unless asked."""
    actor = actor_of(request)
    actor.require(Power.WRITE, "create agents")
    if request.method != "POST":
        return _page(request, {"note": request.session.pop(_NOTE, None)})
    given = [file for file in request.FILES.getlist("file") if file.name]
    try:
        if not given:
            raise Invalid("Choose an agent file first.", field="file")
        note = _brought_in(request, actor, given)
    except DomainError as error:
        return _page(request, {"error": error}, status=error.status)
    if wants_fragment(request):
        return _page(request, {"note": note})
    request.session[_NOTE] = note
    return see_other(reverse("agent-upload"))


def _brought_in(
    request: HttpRequest, actor: Actor, given: list["UploadedFile[Any]"]
) -> dict[str, Any]:
    """Import the files; what came of it, to be shown. Raises DomainError."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    for upload in given:
        size = upload.size or 0
        if size > most:
            raise Invalid(
                f"“{shown(upload.name or '')}” is {size:,} bytes; the limit is {most:,}.",
                field="file",
            )
    tags = parse_typed(text_of(request.POST, "tags") or "").names
    for tag in tags:
        require_legal(tag, field="tags")
    try:
        file = parse_files([(upload.name or "", upload.read()) for upload in given], tags=tags)
    except Invalid as error:
        raise Invalid(error.message, field="file") from error
    name = given[0].name or "" if len(given) == 1 else f"{len(given):,} files"
    again = request.POST.get("again") == "1"
    imported = import_file(file, actor=actor, reason=shown(name, 200), again=again)
    return _note(name, file, imported, actor)


def _note(name: str, file: AgentFile, imported: Imported, actor: Actor) -> dict[str, Any]:
    """What came of an import, as a session keeps it."""
    return {
        "file": shown(name),
        "made": _named(imported.made),
        "made_count": len(imported.made),
        "known": _named(imported.known),
        "known_count": len(imported.known),
        "warnings": warnings_about([agent.seq for agent in imported.made], actor),
        "not_kept": file.not_kept if imported.made else [],
        "skipped": file.skipped[:_NAMED],
        "skipped_count": len(file.skipped),
    }


def _named(agents: list[Agent]) -> list[tuple[str, str]]:
    return [(agent.public_id, agent.name) for agent in agents[:_NAMED]]


def _page(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    typed = text_of(request.POST, "tags") or text_of(request.GET, "tag") or ""
    page = {
        "tags_field": TagInput(many=True).render("tags", typed, _FIELD),
        "most": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
        "nav": "agents",
    }
    return render_page(request, TEMPLATE, page | context, fragment="upload-said", status=status)

"""/v1/health/: check that the server answers, and get its version."""

from django.http import HttpRequest
from ninja import Router

from ade.version import LETTA_VERSION, VERSION
from agents.api.core.answers import Answer, json_answer
from agents.api.core.schemas import Health, answers

router = Router(tags=["health"])


@router.get("/", operation_id="get_health", response=answers(Health, ()), auth=None)
def health(request: HttpRequest) -> Answer:
    """Check that the server answers. No key is needed.

    `version` is the version of Letta's API that ADE implements, because clients compare it with
    Letta's releases. `ade_version` is ADE's own.
    """
    return json_answer({"version": LETTA_VERSION, "status": "ok", "ade_version": VERSION})

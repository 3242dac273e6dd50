"""/v1/health/: that the server answers, and its version."""

from django.http import HttpRequest
from ninja import Router

from ade.version import VERSION
from agents.api.answers import Answer, json_answer
from agents.api.schemas import Health, answers

router = Router(tags=["health"])


@router.get("/", response=answers(Health, ()), auth=None)
def health(request: HttpRequest) -> Answer:
    """That the server answers; no key is needed."""
    return json_answer({"version": VERSION, "status": "ok"})

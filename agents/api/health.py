"""/v1/health/: that the server answers, and its version."""

import tomllib
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Router

from agents.api.answers import Answer, json_answer
from agents.api.schemas import Health, answers

router = Router(tags=["health"])

# ADE runs from its checkout, so the version stands in one place.
_PROJECT: dict[str, Any] = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text("utf-8"))
VERSION: str = _PROJECT["project"]["version"]


@router.get("/", response=answers(Health, ()), auth=None)
def health(request: HttpRequest) -> Answer:
    """That the server answers; no key is needed."""
    return json_answer({"version": VERSION, "status": "ok"})

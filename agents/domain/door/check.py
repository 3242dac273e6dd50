"""Which rights an actor has on which agents, read from the database for each question."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from agents.core.actors import Actor
from agents.core.agent_rights import Right
from agents.core.errors import LimitExceeded
from agents.core.limits import ACCESS_CHECKS
from agents.core.tag_text import text_problem
from agents.models import Agent


class Because(StrEnum):
    """Why a question was answered as it was."""

    ALLOWED = "allowed"
    UNKNOWN_KEY = "unknown_key"  # unknown, disabled or expired
    WRONG_ORIGIN = "wrong_origin"  # a client-side token, used by a page that is not its own
    UNKNOWN_AGENT = "unknown_agent"  # does not exist for this key
    MISSING_RIGHT = "missing_right"


@dataclass(frozen=True, slots=True)
class Question:
    """May an actor use this right on this agent?"""

    agent_id: str
    right: Right


def answer(actor: Actor, questions: Sequence[Question]) -> list[Because]:
    """Answer each question, in order, with one statement. Raises LimitExceeded above ACCESS_CHECKS.

    An agent that ADE does not know is outside every reach. Nothing is cached.
    """
    if len(questions) > ACCESS_CHECKS:
        raise LimitExceeded(
            f"The list has {len(questions):,} checks; the limit is {ACCESS_CHECKS:,}.",
            field="checks",
        )
    asked = {question.agent_id for question in questions if not text_problem(question.agent_id)}
    rows = Agent.objects.visible_to(actor).filter(public_id__in=asked)
    known = set(rows.values_list("public_id", flat=True)) if asked else set()
    return [_because(actor, question, known) for question in questions]


def _because(actor: Actor, question: Question, known: set[str]) -> Because:
    if question.agent_id not in known:
        return Because.UNKNOWN_AGENT
    has = question.right in actor.rights_on(question.agent_id)
    return Because.ALLOWED if has else Because.MISSING_RIGHT

"""/v1/access/check: for backends and gates that carry traffic themselves."""

from typing import Any, Literal, Self

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field, model_validator

from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import RightlessKeyAuth, actor_of
from agents.api.core.common import Body
from agents.api.core.schemas import answers
from agents.core.actors import Actor
from agents.core.agent_rights import Right
from agents.core.errors import NotAllowed
from agents.core.limits import ACCESS_CHECKS
from agents.domain.door import check
from agents.domain.door.callers import caller_of
from agents.domain.door.check import Because, Question

router = Router(tags=["access"])

RightName = Literal["read_agent", "write_agent", "read_messages", "write_messages"]


class CheckItem(Body):
    """One question: may the key do this with this agent?"""

    agent_id: str
    right: RightName


class CheckBody(Body):
    """One question (`agent_id` and `right`), or a list of them (`checks`)."""

    agent_id: str | None = None
    right: RightName | None = None
    checks: list[CheckItem] | None = Field(None, max_length=ACCESS_CHECKS)
    token: str | None = Field(
        None,
        max_length=200,
        description="The token of the key to ask about. Only a key that is not limited to agents may send "
        "it. If absent, the answer is about the key of the request.",
    )

    origin: str | None = Field(
        None,
        max_length=300,
        description="The `Origin` header of the request that brought `token`. Client-side access tokens work "
        "from their own hostname only.",
    )

    @model_validator(mode="after")
    def ask_once(self) -> Self:
        """Refuse both forms, neither, and half of the first."""
        given = [self.agent_id is not None, self.right is not None]
        if given != [self.checks is None] * 2:
            raise ValueError("Send agent_id and right, or a list of checks.")
        return self

    def questions(self) -> list[Question]:
        """Return the questions, in order."""
        if self.checks is not None:
            return [Question(item.agent_id, Right(item.right)) for item in self.checks]
        return [Question(str(self.agent_id), Right(str(self.right)))]


class CheckState(BaseModel):
    """The answer to one question."""

    allowed: bool
    because: Literal["allowed", "unknown_key", "wrong_origin", "unknown_agent", "missing_right"]


class CheckedState(BaseModel):
    """The answer to one question (`allowed`, `because`), or to each of a list, in its order (`results`)."""

    allowed: bool | None = None
    because: str | None = None
    results: list[CheckState] | None = None
    caller: str | None = Field(
        description="Whom the answer is about, such as `key:0123456789ab`. null if `token` is of no key "
        "that works."
    )


@router.post(
    "/check",
    operation_id="check_access",
    auth=RightlessKeyAuth(),
    response=answers(CheckedState, (400, 401, 403, 413, 422)),
)
def check_access(request: HttpRequest, body: CheckBody) -> Answer:
    """Say if a key may use a right on an agent. Do not cache the answer: rights change at any time.

    It is the answer that `/authorize` gives. `unknown_agent` means that the agent does not exist for the
    key.
    """
    caller, questions = _caller(request, body), body.questions()
    if not isinstance(caller, Actor):
        found = [caller] * len(questions)
    else:
        found = check.answer(caller, questions)
    states = [{"allowed": why is Because.ALLOWED, "because": why.value} for why in found]
    who: dict[str, Any] = {"caller": caller.id if isinstance(caller, Actor) else None}
    return json_answer(who | ({"results": states} if body.checks is not None else states[0]))


def _caller(request: HttpRequest, body: CheckBody) -> Actor | Because:
    """Return the actor to ask about, or why there is none."""
    asking = actor_of(request)
    if body.token is None:
        return asking
    if asking.limited:
        raise NotAllowed(f"{asking.limited_as} may ask only about itself. Remove `token`.")
    caller = caller_of(body.token)
    if caller is None:
        return Because.UNKNOWN_KEY
    # For other keys a setting lists the origins. The caller, which carries the traffic, applies it.
    wrong = caller.hostname is not None and not caller.may_come_from(body.origin or "")
    return Because.WRONG_ORIGIN if wrong else caller.actor

"""/authorize: a proxy asks before it lets a request pass to ADE or to the server of an agent.

204 lets it pass, 401 and 403 do not. Anything else means that ADE does not know, and is answered 500:
the proxy then answers 503.
"""

import hmac
import logging
from collections.abc import Callable
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ade.ops import outage, rate_limits
from ade.ops.request_log import note_who
from agents.api.core.answers import error
from agents.api.core.auth import token_of
from agents.api.core.errors import unauthorized
from agents.domain.door.activity import note_allowed, note_refused
from agents.domain.door.callers import caller_of
from agents.domain.door.decide import Asked, decide
from agents.domain.door.errors import CannotDecide, Refused

PATH = "/authorize"

log = logging.getLogger(__name__)


class AuthorizeMiddleware:
    """Answers PATH, and turns every answer that is no decision into a 500.

    It stands before the redirect to https, the check of the host and the sessions: only a proxy that
    knows DOOR_SECRET gets more than a 401.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info != PATH:
            return self.get_response(request)
        if "ade.no_slot" in request.META:
            return _undecided("ADE is overloaded.")
        try:
            return _answer(request)
        except CannotDecide as why:
            return _undecided(str(why))
        except Exception as failure:  # whatever fails, nothing may pass
            if outage.sentence_for(failure):
                outage.report(failure)
            else:
                log.exception("A request could not be decided.")
            return _undecided("ADE could not decide.")


def _answer(request: HttpRequest) -> HttpResponse:
    meta = request.META
    if not _is_door(meta.get("HTTP_DOORSECRET", "")):
        return unauthorized()
    caller = caller_of(token_of(request))
    if caller is None:
        return unauthorized()
    note_who(request, caller.actor.id, caller.actor.name)
    verdict = rate_limits.count_caller(caller.actor.id)
    if verdict is not None and verdict.wait:
        raise CannotDecide("The key sent too many requests.")
    asked = Asked(
        method=meta.get("HTTP_DOORMETHOD", ""),
        target=meta.get("HTTP_DOORURI", ""),
        source=meta.get("HTTP_DOORSOURCE", ""),
        origin=meta.get("HTTP_ORIGIN", ""),
    )
    try:
        allowed = decide(caller, asked)
    except Refused as why:
        note_refused(caller, why.reason)
        return _refused(why)
    note_allowed(caller, allowed.agent_id)
    response = HttpResponse(status=204)
    response.headers["Doorto"] = allowed.to.value
    response.headers["Doortarget"] = allowed.target
    return response


def _is_door(secret: str) -> bool:
    expected: str = settings.DOOR_SECRET
    given = secret.encode("utf-8", "replace")
    return bool(expected) and hmac.compare_digest(given, expected.encode())


def _refused(why: Refused) -> HttpResponse:
    response = error(403, why.message, why.reason.value)
    # For proxies that write the answer themselves.
    response.headers["Doorcode"] = why.reason.value
    response.headers["Doordetail"] = quote(why.message, safe=" ,.'")
    return response


def _undecided(why: str) -> HttpResponse:
    return error(500, f"{why} Try again.", "unavailable")

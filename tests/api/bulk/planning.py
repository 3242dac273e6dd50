"""Short ways to plan and follow bulk changes over the API."""

from typing import Any

from django.core.management import call_command
from django.http import HttpResponse

from tests.api.calls import call

URL = "/v1/bulk/"
VIP = {"filter": {}, "op": "add", "add": ["vip"]}


def ask(token: str, path: str, body: Any = None, *, method: str = "POST") -> HttpResponse:
    """One call below /v1/bulk/."""
    return call(method, f"{URL}{path}", body, token=token)


def read(token: str, path: str) -> Any:
    """What is there."""
    return ask(token, path, method="GET").json()


def plan(token: str, **fields: Any) -> Any:
    """A new plan: to put vip on every agent, but for what `fields` say."""
    answer = ask(token, "", VIP | fields)
    assert answer.status_code in (200, 202)
    return answer.json()


def work() -> None:
    """What a worker does, until nothing waits."""
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)

"""Places in lists as someone writes them by hand into an address: refused or ignored, never a fault."""

import base64
from urllib.parse import quote

import pytest
from django.test import Client

from tests.api.calls import call, make_token
from tests.helpers import make_agent, make_user

pytestmark = pytest.mark.django_db

DEEP = "[" * 2_000
# The first moment of the calendar, in a zone in which it was a year before that.
FIRST = "0001-01-01T00:00:00+14:00"
PLACES = {
    "deep": DEEP,
    "deep, as agents have it": base64.urlsafe_b64encode(DEEP.encode()).decode(),
    "first moment": f'["{FIRST}",1]',
    "first moment of the trash": f"{FIRST}_1",
    "other digits": "2026-01-01T00:00:00+00:00_\N{ARABIC-INDIC DIGIT ONE}",
    "first moment, as agents have it": base64.urlsafe_b64encode(f'[1,"{FIRST}"]'.encode()).decode(),
    "first moment of the past": f'[0,0,"{FIRST}",1]',
    "large": f'["a",{2**63}]',
    "NUL": "\0",
    "large number": str(2**63),
    "not a number": '["a",NaN]',
}
PAGES = (
    "/agents/?", "/agents/?sort=updated&", "/agents/?sort=name&", "/tags/?", "/tags/?sort=use&",
    "/users/?", "/users/?sort=changed&", "/users/?sort=used&", "/trash/?", "/crossings/?",
    "/memory/unused/?", "/history/?", "/access/tag/?at=2026-01-01T00:00:00&", "/members/?",
)  # fmt: skip
CALLS = (
    "/v1/agents/?", "/v1/tags/?", "/v1/blocks/?", "/v1/identities/?", "/v1/bulk/?", "/v1/keys/?",
    "/v1/history/?", "/v1/access/?at=2026-01-01T00:00:00Z&", "/v1/crossings?", "/v1/members/?",
    "/v1/sources/inbox?", "/v1/client-side-access-tokens?",
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_no_place_is_a_fault(place: str) -> None:
    make_agent(tags=["user_1"])
    client, token = Client(raise_request_exception=False), make_token(scope="manage")
    client.force_login(make_user(role="admin"))
    found = {}
    for name in ("after", "before", "source"):
        for path in PAGES:
            found[path, name] = client.get(f"{path}{name}={quote(place)}").status_code
        for path in CALLS:
            asked = f"{path}{name}={quote(place)}"
            found[path, name] = call("GET", asked, token=token).status_code
    assert {key: status for key, status in found.items() if status >= 500} == {}


@pytest.mark.parametrize(
    ("method", "path", "form"),
    [
        ("GET", "/crossings/%00/", {}),
        ("POST", "/crossings/%00/", {}),
        ("GET", "/crossings/%00/?source=1", {}),
        ("POST", "/crossings/meant/", {"kind": "block", "id": "\0", "reason": "a team"}),
        ("POST", "/tags/watch/", {"name": "\0", "to": "off"}),
        ("POST", "/memory/unused/", {"block": "\0"}),
        ("GET", "/agents/?view=%00", {}),
        ("GET", "/keys/%00/", {}),
        ("GET", "/webhooks/%00/", {}),
        ("GET", "/agents/%00/", {}),
    ],
)
def test_no_name_with_nul_is_a_fault(method: str, path: str, form: dict[str, str]) -> None:
    """PostgreSQL refuses to look for one."""
    client = Client(raise_request_exception=False)
    client.force_login(make_user(role="admin"))
    answer = client.post(path, form) if method == "POST" else client.get(path)
    assert answer.status_code < 500

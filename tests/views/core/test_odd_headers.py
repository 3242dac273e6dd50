"""Addresses in headers that are none: a page is answered as without the header."""

import pytest
from django.test import Client

from tests.helpers import make_agent
from tests.views.browsing import HX, signed_in

pytestmark = pytest.mark.django_db
NO_ADDRESS = "http://[x"


def test_a_referer_that_is_no_address() -> None:
    agent = make_agent()
    client = signed_in("manager")
    url = f"/agents/{agent.public_id}/"
    for path in ("/agents/", url, f"{url}settings/", f"{url}history/", f"{url}memory/", "/users/"):
        assert client.get(path, headers={"Referer": NO_ADDRESS}).status_code == 200, path
    assert client.get(f"{url}step/?list={NO_ADDRESS}").status_code == 302
    assert client.post("/bulk/selection/", {"list": NO_ADDRESS, "act": "all"}).status_code == 303


def test_a_current_url_that_is_none() -> None:
    client = signed_in("manager")
    headers = {**HX, "HX-Current-URL": NO_ADDRESS}
    assert client.get("/views/-/tabs/", headers=headers).status_code == 200
    assert client.get("/agents/", headers=headers).status_code == 200


def test_a_form_of_nobody_with_such_a_referer_leads_to_the_sign_in() -> None:
    answer = Client().post("/bulk/csv/", headers={"Referer": NO_ADDRESS})
    assert (answer.status_code, "/accounts/login/" in answer.headers["Location"]) == (303, True)
    answer = Client().post("/bulk/csv/", headers={**HX, "HX-Current-URL": NO_ADDRESS})
    assert answer.status_code == 401

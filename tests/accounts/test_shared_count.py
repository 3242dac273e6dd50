"""Attempts are counted once for all processes, not by each of them."""

import httpx
from bs4 import BeautifulSoup

from tests.accounts.test_sign_in import MISMATCH, TOO_MANY, attempt
from tests.helpers import make_user


def test_attempts_at_a_running_server_count_here_too(live: str) -> None:
    make_user("anna")
    with httpx.Client(base_url=live, timeout=60) as browser:
        for _ in range(4):
            page = BeautifulSoup(browser.get("/accounts/login/").text, "lxml")
            token = page.select_one("[name=csrfmiddlewaretoken]")["value"]
            data = {"csrfmiddlewaretoken": token, "login": "anna", "password": "wrong"}
            assert browser.post("/accounts/login/", data=data).status_code == 422
    assert [attempt("anna"), attempt("anna")] == [(422, MISMATCH), (422, TOO_MANY)]

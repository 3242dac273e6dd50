"""People at the sign-in, as these tests need them."""

from typing import Any

from django.test import Client

PASSWORD = "correct horse"


def sign_in(username: str, password: str = PASSWORD, client: Client | None = None) -> Client:
    """A browser that has sent the sign-in form with these; whether it is in, the caller asks."""
    client = client or Client()
    client.post("/accounts/login/", {"login": username, "password": password})
    return client


def is_in(client: Client) -> bool:
    """Whether this browser is signed in; the question itself is no use of the session."""
    return client.get("/accounts/", headers={"ADE-Poll": "1"}).status_code == 200


def post(client: Client, path: str, **data: Any) -> int:
    """The status of a plain form's answer."""
    return client.post(path, data).status_code

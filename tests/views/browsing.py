"""A signed-in browser without a screen: plain requests, fragment requests, parsed answers."""

from typing import Any

from bs4 import BeautifulSoup
from django.http import HttpResponse
from django.test import Client

from tests.helpers import make_user

HX = {"HX-Request": "true"}


def signed_in(role: str = "editor") -> Client:
    """The browser of a member of staff, named after the role."""
    client = Client()
    client.force_login(make_user(role, role=role))
    return client


def soup(response: Any) -> BeautifulSoup:
    """The page, or the fragment, parsed."""
    return BeautifulSoup(response.content, "lxml")


def text_at(response: Any, selector: str) -> str:
    """The text of the one element there, its white space made single."""
    (element,) = soup(response).select(selector)
    return " ".join(element.get_text().split())


def chips_in(response: Any, selector: str = "#tag-list") -> list[str]:
    """The texts of the tags listed there."""
    return [chip.get_text() for chip in soup(response).select(f"{selector} .chip bdi")]


def is_page(response: HttpResponse) -> bool:
    """True for a whole page, False for a fragment."""
    return b"<html" in response.content

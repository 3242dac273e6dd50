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


def form_at(response: Any, selector: str) -> dict[str, Any]:
    """What the one form there would send as it stands."""
    (form,) = soup(response).select(selector)
    sent: dict[str, Any] = {}
    for field in form.select("[name]"):
        if field.name == "button" or field.has_attr("disabled"):
            continue
        if field.get("type") == "checkbox":
            if field.has_attr("checked"):
                sent.setdefault(field["name"], []).append(field.get("value", "on"))
        elif field.get("type") == "radio":
            if field.has_attr("checked"):
                sent[field["name"]] = field["value"]
        elif field.name == "textarea":
            # A browser drops the line break right after the tag.
            sent[field["name"]] = field.get_text().removeprefix("\n")
        else:
            sent[field["name"]] = field.get("value", "")
    return sent

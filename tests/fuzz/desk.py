"""One person at a browser and one program with a key, who both may do everything."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bs4 import BeautifulSoup
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from agents.models import Agent
from tests.access.asking import browser_of
from tests.api.calls import call, call_with_file, make_token
from tests.helpers import make_agent

MODEL = "letta/letta-free"


@dataclass
class Desk:
    """What both ask; an answer that is not as wanted fails the test, with what it says."""

    browser: Client = field(default_factory=lambda: browser_of("admin"))
    token: str = field(default_factory=lambda: make_token(scope="manage"))

    def get(self, path: str, query: Any = None) -> HttpResponse:
        """A page or a file, read to its end."""
        response = self.browser.get(path, query)
        assert response.status_code == 200, (path, response.content)
        return response

    def page(self, path: str, query: Any = None) -> BeautifulSoup:
        """A page. Not by lxml, which drops characters that are no letters in XML."""
        return BeautifulSoup(self.get(path, query).content.decode(), "html.parser")

    def send(self, path: str, data: dict[str, Any], wanted: int = 303) -> HttpResponse:
        """A form, its line breaks as a browser sends them."""
        sent = {name: as_sent(value) for name, value in data.items()}
        response = self.browser.post(path, sent)
        assert response.status_code == wanted, (path, response.content)
        return response

    def call(self, method: str, path: str, body: Any = None, wanted: int = 200) -> Any:
        """What the API answers."""
        response = call(method, path, body, token=self.token)
        assert response.status_code == wanted, (path, response.content)
        return response.json() if response.content else None

    def import_file(self, tags: list[str]) -> str:
        """The id of the agent of a file that the API takes."""
        response = call_with_file("POST", "/v1/agents/import", agent_file(tags), token=self.token)
        assert response.status_code == 200, response.content
        return str(response.json()["agent_ids"][0])

    def apply(self, plan: HttpResponse) -> None:
        """Apply the bulk change whose page the answer leads to."""
        self.send(f"{plan.headers['Location']}apply/", {})

    def bare(self) -> str:
        """The id of an agent without tags."""
        return str(make_agent().public_id)


def as_sent(value: Any) -> Any:
    """A text as the forms of browsers carry it."""
    return value.replace("\n", "\r\n") if isinstance(value, str) else value


def agent_file(tags: list[str]) -> dict[str, Any]:
    return {"agents": [{"id": "agent-0", "name": "Max", "model": MODEL, "tags": tags}]}


def upload(content: Any, name: str = "max.af") -> SimpleUploadedFile:
    """A file of a form; what is no text is written as JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    return SimpleUploadedFile(name, text.encode())


def newest() -> str:
    """The id of the agent that was made last."""
    return str(Agent.objects.order_by("-seq")[0].public_id)


def queries(page: BeautifulSoup, selector: str, name: str) -> list[str]:
    """The values of a parameter in the links there."""
    found = [parse_qsl(urlsplit(str(a["href"])).query) for a in page.select(selector)]
    return [value for pairs in found for key, value in pairs if key == name]


def values(page: BeautifulSoup, selector: str, name: str = "value") -> list[str]:
    """The values of an attribute of the elements there."""
    return [str(element[name]) for element in page.select(selector)]

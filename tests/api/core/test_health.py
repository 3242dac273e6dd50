"""GET /v1/health/"""

import tomllib
from pathlib import Path

import pytest

from tests.api.calls import call

VERSION = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]


@pytest.mark.parametrize("url", ["/v1/health/", "/v1/health"])
def test_it_works_without_a_key(url: str) -> None:
    response = call("GET", url, token="")
    expected = {"version": "0.16.8", "status": "ok", "ade_version": VERSION}
    assert (response.status_code, response.json()) == (200, expected)

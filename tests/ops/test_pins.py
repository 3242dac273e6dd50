"""What is installed is what was pinned."""

import re
import tomllib

from processes import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUNTIME = (ROOT / "requirements.txt").read_text()
DEVELOPMENT = (ROOT / "requirements-dev.txt").read_text()
GATE = (ROOT / "deploy/gate/requirements.txt").read_text()
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)(.*?)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.M)


def pins(text: str) -> set[tuple[str, str]]:
    return {(name, version) for name, version, _marker, _hashes in PIN.findall(text)}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[~=<>]", requirement)[0].lower() for requirement in requirements}


def test_every_line_is_a_pin_with_hashes_or_a_comment():
    rest = "".join(PIN.sub("", text) for text in (RUNTIME, DEVELOPMENT, GATE))
    assert [line for line in rest.splitlines() if line and not line.startswith("    #")] == []


def test_development_has_the_pins_of_running_and_more():
    assert pins(RUNTIME) < pins(DEVELOPMENT)
    assert pins(GATE) < pins(DEVELOPMENT)


def test_each_dependency_of_the_project_is_pinned():
    assert names(PROJECT["dependencies"]) - {name for name, _ in pins(RUNTIME)} == set()
    developing = PROJECT["optional-dependencies"]["dev"]
    assert names(developing) - {name for name, _ in pins(DEVELOPMENT)} == set()


def test_each_dependency_says_why():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    every = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    unexplained = [
        requirement
        for requirement in every
        if not any(f'"{requirement}"' in line and "  # " in f" {line}" for line in lines)
    ]
    assert unexplained == []

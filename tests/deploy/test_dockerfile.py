"""The steps of the Dockerfile, run in its order below an empty folder instead of in an image.

Not run are those that need a container or the network: apt-get and useradd, and pip, in whose place
come the packages that are here. What is proven is that it copies all that ADE needs, collects what
it serves, starts as it says, and is found healthy by its own check.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from processes import ROOT, start, stop
from serve import free_port

LINES = [
    line
    for line in (ROOT / "Dockerfile").read_text().splitlines()
    if line and not line.startswith("#")
]
STEPS = [tuple(line.split(" ", 1)) for line in LINES]
ELSEWHERE = re.compile(r"^(apt-get|useradd|\.venv/bin/pip) ")


class Image:
    """A folder in the place of an image's root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inside = Path("/")
        self.environment = {"PATH": os.environ["PATH"]}
        self.not_run: list[str] = []

    def here(self, text: str) -> str:
        return text.replace("/srv/ade", f"{self.root}/srv/ade")

    def folder(self) -> Path:
        folder = Path(self.here(str(self.inside)))
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def run(self, command: str) -> None:
        if ELSEWHERE.match(command):
            self.not_run.append(command.split()[0])
        elif command == "python3 -m venv .venv":
            (self.folder() / ".venv").symlink_to(sys.prefix)
        else:
            command = self.here(command)
            subprocess.run(
                ["sh", "-euc", command], cwd=self.folder(), env=self.environment, check=True
            )

    def copy(self, sources: list[str], target: str) -> None:
        for source in sources:
            to = self.folder() / target
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, to, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, to)


def built(image: Image) -> dict[str, str]:
    """Run all steps; what the last stage says of how it is run, by instruction."""
    about: dict[str, str] = {}
    for name, rest in STEPS:
        if name == "WORKDIR":
            image.inside = Path(rest)
        elif name == "RUN":
            image.run(rest)
        elif name == "COPY" and not rest.startswith("--from=build /srv/ade "):  # it is there
            *sources, target = shlex.split(rest)
            image.copy(sources, target)
        elif name == "ENV":
            key, _, value = rest.partition("=")
            image.environment[key] = image.here(value)
        else:
            about[name] = rest
    return about


@pytest.mark.whole
def test_its_steps_lead_to_a_healthy_server(tmp_path: Path) -> None:
    image, port = Image(tmp_path), str(free_port())
    about = built(image)
    assert image.not_run == [".venv/bin/pip", "apt-get", "useradd"]
    assert about["USER"] == "10001"
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    environment = image.environment | {
        "SECRET_KEY_FILE": str(secret),
        "DATABASE_URL": f"sqlite:///{tmp_path}/ade.sqlite3",
    }
    checkout = tmp_path / "srv/ade"
    manage = [checkout / ".venv/bin/python", checkout / "manage.py"]
    subprocess.run([*manage, "migrate", "-v0"], env=environment, check=True)
    for path in checkout.rglob("*"):
        if not path.is_symlink() and ".venv" not in path.parts:
            path.chmod(0o555 if path.is_dir() else 0o444)  # as a read-only root
    command = json.loads(about["CMD"].replace("8283", port).replace("0.0.0.0", "127.0.0.1"))
    check = json.loads(about["HEALTHCHECK"].split(" CMD ")[1].replace("8283", port))
    program = checkout / ".venv/bin" / command[0]
    # By way of env: the folder to start in is the image's, not this checkout.
    server = start(["env", "-C", str(checkout), str(program), *command[1:]], env=environment)
    try:
        healthy = subprocess.run(
            ["sh", "-c", 'for n in $(seq 240); do "$@" 2>/dev/null && exit; sleep 0.5; done; "$@"', "-",
             str(checkout / ".venv/bin/python"), *check[1:]],
            env=environment, check=False,
        )  # fmt: skip
        assert healthy.returncode == 0
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            page = client.get("/accounts/login/")
            styles = re.search(r'href="(/static/[^"]+\.css)"', page.text)[1]
            assert (page.status_code, client.get(styles).status_code) == (200, 200)
    finally:
        stop([server], seconds=20)
        for path in checkout.rglob("*"):
            if path.is_dir() and not path.is_symlink() and ".venv" not in path.parts:
                path.chmod(0o755)


def test_what_it_copies_is_not_ignored() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    copied = {
        source
        for name, rest in STEPS
        if name == "COPY" and not rest.startswith("--from")
        for source in shlex.split(rest)[:-1]
    }
    assert kept == copied

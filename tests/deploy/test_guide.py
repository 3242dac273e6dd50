"""The commands of docs/operate/deploy.md, run as they stand there, lead to the sign-in page.

What a reader fills in is filled in: the repository (this checkout), the database (a throw-away
cluster), and a port that is free. One thing is not run: packages are not downloaded, this
environment's are used.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from bs4 import BeautifulSoup
from django.conf import settings
from postgres import cluster
from processes import ROOT
from serve import free_port, server_command

pytestmark = pytest.mark.whole
GUIDE = (ROOT / "docs/operate/deploy.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.M | re.S)
ASK = "printf '\\n--- %s\\n' "  # so that each block's output can be told apart


def filled_in(script: str, *, database: str, port: int) -> str:
    """The commands, with what is a reader's own, and with the packages that are here."""
    fills = [
        (r"^REPOSITORY=\S+", f"REPOSITORY={ROOT}"),
        (r"^DATABASE_URL=\S+", f"DATABASE_URL='{database}'"),
        (r"^python3 -m venv ade/\.venv$", f"ln -s '{sys.prefix}' ade/.venv"),
        (r"^\S+/bin/pip install .*$", ": packages are here"),
    ]
    for pattern, text in fills:
        assert re.search(pattern, script, re.M), pattern
        script = re.sub(pattern, lambda _, text=text: text, script, flags=re.M)
    return script.replace("8283", str(port))


def test_the_guide_leads_to_the_sign_in_page(tmp_path: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    told = ("HOME", "PATH", "LANG", "TMPDIR")
    with cluster() as database:
        script = filled_in(
            "\n".join(f"{ASK}{number}\n{block}" for number, block in enumerate(BLOCKS)),
            database=database,
            port=port,
        )
        # The services must outlive the script's last line, to be visited.
        shell = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", f"{script}\necho DONE\nwait"],
            cwd=tmp_path,
            env={name: os.environ[name] for name in told if name in os.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said = ""
            while not said.endswith("DONE\n"):
                line = shell.stdout.readline()
                assert line, said
                said += line
            headers = {"Host": "ade.example.org", "Forwarded": "proto=https"}
            page = httpx.get(f"{address}/accounts/login/", headers=headers, timeout=60)
            link = re.search(r"^https://ade\.example\.org(/\S+)$", said, re.M)[1]
            own = httpx.get(address + link, headers=headers, timeout=60)
        finally:
            os.killpg(shell.pid, signal.SIGTERM)
            rest, _ = shell.communicate(timeout=120)
    assert "Traceback" not in said + rest
    assert "System check identified no issues (0 silenced).\n" in said
    assert "All counts are correct.\n" in said
    form = BeautifulSoup(page.text, "lxml").select_one("form[action='/accounts/login/']")
    assert [field["name"] for field in form.select("input[required]")] == ["login", "password"]
    assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "__Host-ade-csrf" in page.headers["Set-Cookie"]
    assert own.status_code in (200, 302)
    branch = ["git", "-C", tmp_path / "ade", "symbolic-ref", "--quiet", "HEAD"]
    assert subprocess.run(branch, check=False, capture_output=True).returncode == 0  # not detached
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    secret = ("secret_key", "database_url", "ade.env", "first.ade", "before-upgrade.ade")
    assert {name: modes[name] for name in secret} == dict.fromkeys(secret, 0o600)


def test_every_way_to_start_the_server_is_the_same() -> None:
    """As `make run` starts it; a container listens to its network."""
    wanted = [str(part) for part in server_command(8283)][1:]
    guide = re.search(r"^\.venv/bin/granian (.*) &$", GUIDE, re.M)[1].split()
    unit = (ROOT / "deploy/systemd/ade-web.service").read_text()
    service = re.search(r"^ExecStart=\S+/granian (.*)$", unit, re.M)[1].split()
    image = re.search(r'^CMD \["granian", (.*)\]$', (ROOT / "Dockerfile").read_text(), re.M)[1]
    container = image.replace('"', "").replace("0.0.0.0", "127.0.0.1").split(", ")
    assert sorted(guide) == sorted(service) == sorted(container) == sorted(wanted)


def test_web_servers_before_it_take_what_it_takes() -> None:
    said = re.findall(
        r"^ +(client_max_body_size|max_size|request_buffers) (\d+)Mi?B?;? ", GUIDE, re.M | re.I
    )
    size = str(settings.DATA_UPLOAD_MAX_MEMORY_SIZE >> 20)
    assert said == [
        (name, size) for name in ("client_max_body_size", "max_size", "request_buffers")
    ]

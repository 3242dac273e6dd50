"""Slow clients of a real nginx or Caddy, set up as documented: other clients do not notice."""

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings
from django.test import Client

from agents.core.limits import DESCRIPTION_LENGTH
from agents.domain import keys
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.models import Scope
from tests.deploy.proxies import NAME, UNCHECKED, Site, documented_caddy, documented_nginx
from tests.helpers import ROOT, make_user

pytestmark = [pytest.mark.whole, pytest.mark.only_sqlite]  # the database plays no part
SNI = {"sni_hostname": NAME}


def connection_to(site: Site, stack: ExitStack) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", site.https), timeout=60)
    return stack.enter_context(UNCHECKED.wrap_socket(plain, server_hostname=NAME))


@pytest.mark.parametrize("proxy", [documented_nginx, documented_caddy])
def test_silent_senders_and_a_slow_export_delay_nobody_else(
    proxy: Callable[..., Site], serve: Callable[..., str], database_url: str, tmp_path: Path
) -> None:
    ade = urlsplit(serve(BEHIND_PROXY="true", ALLOWED_HOSTS=NAME)).port
    token = keys.create_key(name="app", actor=ROOT, scope=Scope.WRITE).token
    specs = [NewAgent(model="m/m", description="x" * DESCRIPTION_LENGTH) for _ in range(300)]
    create_agents(specs, actor=ROOT)
    member = Client()
    member.force_login(make_user(role="viewer"))
    session = member.cookies[settings.SESSION_COOKIE_NAME].value
    with ExitStack() as stack:
        site = proxy(tmp_path, ade, stack)
        reader = connection_to(site, stack)
        reader.sendall(
            f"GET /agents/export.csv HTTP/1.1\r\nHost: {NAME}\r\n"
            f"Cookie: {settings.SESSION_COOKIE_NAME}={session}\r\n\r\n".encode()
        )
        assert reader.recv(15).split()[1] == b"200"  # and it reads no further
        for _ in range(40):
            connection_to(site, stack).sendall(
                f"POST /v1/agents/ HTTP/1.1\r\nHost: {NAME}\r\nAuthorization: Bearer {token}\r\n"
                "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{".encode()
            )
        client = stack.enter_context(
            httpx.Client(
                base_url=f"https://127.0.0.1:{site.https}",
                headers={"Host": NAME, "Authorization": f"Bearer {token}"},
                verify=UNCHECKED,
                timeout=60,
            )
        )
        requests: dict[str, Callable[[], httpx.Response]] = {
            "probe": lambda: client.get("/healthz", extensions=SNI),
            "list": lambda: client.get("/v1/agents/?limit=1", extensions=SNI),
            "write": lambda: client.post("/v1/agents/", json={"model": "m/m"}, extensions=SNI),
        }
        for name, request in requests.items():
            seconds = []
            for _ in range(9):
                began = time.monotonic()
                assert request().status_code == 200, name
                seconds.append(time.monotonic() - began)
            assert sorted(seconds)[4] < 1, (name, seconds)

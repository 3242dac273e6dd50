"""An identity provider: small, and real enough to speak OpenID Connect over HTTP."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt


class Provider(ThreadingHTTPServer):
    """Vouches for whoever `claims` describes, without asking; `asked` are the queries it got."""

    claims: dict[str, Any]
    asked: list[dict[str, list[str]]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def settings(self) -> dict[str, str]:
        return {
            "OIDC_NAME": "Example ID",
            "OIDC_SERVER_URL": self.url,
            "OIDC_CLIENT_ID": "ade",
            "OIDC_CLIENT_SECRET": "a secret of thirty-two characters",
        }


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        if where.path == "/authorize":
            asked = parse_qs(where.query)
            self.server.asked.append(asked)
            back = urlencode({"code": "code", "state": asked["state"][0]})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri'][0]}?{back}")
            self.end_headers()
        elif where.path == "/userinfo":
            self._send(self.server.claims)
        else:
            url = self.server.url
            self._send(
                {
                    "issuer": url,
                    "authorization_endpoint": f"{url}/authorize",
                    "token_endpoint": f"{url}/token",
                    "userinfo_endpoint": f"{url}/userinfo",
                    "jwks_uri": f"{url}/keys",
                    "token_endpoint_auth_methods_supported": ["client_secret_post"],
                }
            )

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        identity = {"iss": self.server.url, "aud": "ade", "exp": 1 << 40, **self.server.claims}
        token = jwt.encode(identity, self.server.settings["OIDC_CLIENT_SECRET"])
        self._send({"access_token": "token", "token_type": "Bearer", "id_token": token})

    def _send(self, data: dict[str, Any]) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider that runs."""
    with Provider(("127.0.0.1", 0), _Handler) as server:
        server.claims, server.asked = {}, []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()

"""Real nginx and Caddy as the front door, with the files of deploy/door/."""

from contextlib import ExitStack
from pathlib import Path

from processes import ROOT
from serve import free_port

from tests.deploy.proxies import caddy, nginx, replaced

SECRET = "a secret of at least 32 characters"
PASSWORD = "the password of Letta"
FILES = ROOT / "deploy/door"


def nginx_door(folder: Path, ade: str, letta: str, stack: ExitStack) -> str:
    """Start nginx; return its address. `ade` and `letta` are hosts with ports."""
    port = free_port()
    secrets = folder / "door-secrets.conf"
    secrets.write_text(
        f'map "" $door_secret {{ default "{SECRET}"; }}\n'
        f'map "" $letta_password {{ default "{PASSWORD}"; }}\n'
    )
    text = replaced(
        (FILES / "nginx.conf").read_text(),
        {
            r"include /etc/nginx/door-secrets.conf;": f"include {secrets};",
            r"127\.0\.0\.1:8283": ade,
            r"127\.0\.0\.1:8290": letta,
            r"listen 443 ssl http2;": f"listen 127.0.0.1:{port};",
            r"ssl_certificate.*$": "",
            r"/var/log/nginx": str(folder),
        },
    )
    stack.enter_context(nginx(folder, text, port))
    return f"http://127.0.0.1:{port}"


def caddy_door(folder: Path, ade: str, letta: str, stack: ExitStack) -> str:
    """Start Caddy; return its address."""
    port = free_port()
    text = replaced(
        (FILES / "Caddyfile").read_text(),
        {
            r"^letta.example.org \{": f"http://127.0.0.1:{port} {{\n\tbind 127.0.0.1",
            r"127\.0\.0\.1:8283": ade,
            r"127\.0\.0\.1:8290": letta,
            r"\{env\.DOOR_SECRET\}": f'"{SECRET}"',
            r"\{env\.LETTA_PASSWORD\}": PASSWORD,
            r"/var/log/caddy": str(folder),
        },
    )
    stack.enter_context(caddy(folder, text, port))
    return f"http://127.0.0.1:{port}"


DOORS = {"nginx": nginx_door, "caddy": caddy_door}

"""Real nginx and Caddy in front of a server, with the files of docs/operate/deploy.md or smaller ones."""

import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from packages import need
from processes import ROOT, start, stop
from serve import free_port

GUIDE = (ROOT / "docs/operate/deploy.md").read_text("utf-8")
NAME = "ade.example.org"


def documented(language: str) -> str:
    """The proxy's file as docs/operate/deploy.md shows it."""
    return re.search(rf"^```{language}\n(.*?)^```$", GUIDE, re.M | re.S)[1]


def replaced(text: str, fills: dict[str, str]) -> str:
    """The text with each of these patterns, which it must contain, replaced."""
    for pattern, new in fills.items():
        assert re.search(pattern, text, re.M), pattern
        text = re.sub(pattern, lambda _, new=new: new, text, flags=re.M)
    return text


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for NAME and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "fullchain.pem", folder / "privkey.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem, secret


@contextmanager
def nginx(folder: Path, site: str, port: int) -> Iterator[None]:
    """nginx with this `server` block, which listens on the port."""
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
        "worker_processes 1; events {}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;"
        f" fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        f"{site}\n}}\n"
    )
    program = [need("nginx"), "-p", folder, "-c", file, "-e", folder / "error.log"]
    with _running(program, port, folder / "output"):
        yield


@contextmanager
def caddy(folder: Path, site: str, port: int) -> Iterator[None]:
    """Caddy with this site, which listens on the port."""
    file = folder / "Caddyfile"
    file.write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{site}\n")
    program = [need("caddy"), "run", "--config", file, "--adapter", "caddyfile"]
    with _running(program, port, folder / "output", XDG_DATA_HOME=str(folder), HOME=str(folder)):
        yield


class Site(NamedTuple):
    """A proxy that listens on two ports."""

    http: int
    https: int

    def get(self, path: str, *, tls: bool = True, **headers: str) -> httpx.Response:
        """GET, with these headers spelled as they are."""
        port = self.https if tls else self.http
        scheme = "https" if tls else "http"
        with httpx.Client(verify=UNCHECKED, timeout=60) as client:
            return client.get(
                f"{scheme}://127.0.0.1:{port}{path}",
                headers={"Host": NAME} | headers,
                extensions={"sni_hostname": NAME},
            )


UNCHECKED = ssl.create_default_context()
UNCHECKED.check_hostname = False
UNCHECKED.verify_mode = ssl.CERT_NONE


def documented_nginx(folder: Path, ade: int, stack: ExitStack) -> Site:
    site = Site(free_port(), free_port())
    pem, key = certificate(folder)
    text = replaced(
        documented("nginx"),
        {
            r"listen 80;": f"listen 127.0.0.1:{site.http};",
            r"listen 443 ssl http2;": f"listen 127.0.0.1:{site.https} ssl http2;",
            r"/etc/letsencrypt/\S+/fullchain.pem": str(pem),
            r"/etc/letsencrypt/\S+/privkey.pem": str(key),
            r"127.0.0.1:8283": f"127.0.0.1:{ade}",
        },
    )
    stack.enter_context(nginx(folder, text, site.https))
    return site


def documented_caddy(folder: Path, ade: int, stack: ExitStack) -> Site:
    return _caddy(folder, ade, stack, {})


def lenient_caddy(folder: Path, ade: int, stack: ExitStack) -> Site:
    """As documented, but headers with an underscore pass."""
    return _caddy(folder, ade, stack, {r"^.*header_up -\*_\*.*\n": ""})


def _caddy(folder: Path, ade: int, stack: ExitStack, fills: dict[str, str]) -> Site:
    site = Site(free_port(), free_port())
    pem, key = certificate(folder)
    text = replaced(
        documented("caddy"),
        fills
        | {
            # Debian 12's Caddy has no request_buffers yet.
            r"request_buffers 20MiB": "buffer_requests\n\tmax_buffer_size 20MiB",
            r"reverse_proxy 127.0.0.1:8283": f"reverse_proxy 127.0.0.1:{ade}",
        },
    )
    body = text.split("{", 1)[1]
    tls = f"\tbind 127.0.0.1\n\ttls {pem} {key}\n"
    both = (
        f"http://{NAME}:{site.http} {{\n\tbind 127.0.0.1\n{body}\n"
        f"https://{NAME}:{site.https} {{\n{tls}{body}\n"
    )
    stack.enter_context(caddy(folder, both, site.https))
    return site


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except ConnectionRefusedError:
        return False
    return True


@contextmanager
def _running(
    command: list[str | Path], port: int, output: Path, **environment: str
) -> Iterator[None]:
    with output.open("wb") as file:
        program = start(command, env={"PATH": "/usr/bin:/bin"} | environment, output=file)
        try:
            deadline = time.monotonic() + 60
            while not _listens(port):
                assert program.poll() is None, output.read_text()
                assert time.monotonic() < deadline, output.read_text()
                time.sleep(0.05)
            yield
        finally:
            stop([program])

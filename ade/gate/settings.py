"""The gate's settings, read from environment variables. NAME_FILE can name a file with the value."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_YES, _NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")
_SHORTEST_TOKEN = 32


class BadSetting(Exception):
    """A setting is missing or wrong. The text names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the gate needs to know. Secrets are left out of its text form."""

    host: str
    port: int
    upstream: str  # the App Server's address, ws://127.0.0.1:8380/ws
    upstream_token: str
    connector_token: str  # empty: ADE's connector is not served
    user_keys: bool
    ade: str  # the address of ADE, without a final slash
    ade_key: str
    origins: frozenset[str]  # pages that may use the gate, as https://chat.example.org
    tools: tuple[str, ...]  # tools that a user's turn may ask for
    metrics_token: str = ""  # empty: no metrics

    def __repr__(self) -> str:
        return f"Settings({self.host}:{self.port}, user_keys={self.user_keys})"


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings. Raises BadSetting if one is missing or wrong."""
    host, _, port = _text(environment, "GATE_LISTEN", "127.0.0.1:8390").rpartition(":")
    if not host or not port.isascii() or not port.isdigit():
        raise BadSetting("GATE_LISTEN must be an address and a port, as 127.0.0.1:8390.")
    settings = Settings(
        host=host.strip("[]"),
        port=int(port),
        upstream=_address(environment, "GATE_UPSTREAM", "ws://127.0.0.1:8380/ws", ("ws", "wss")),
        upstream_token=_text(environment, "GATE_UPSTREAM_TOKEN"),
        connector_token=_text(environment, "GATE_TOKEN"),
        user_keys=_switch(environment, "GATE_USER_KEYS"),
        ade=_address(environment, "GATE_ADE", "", ("http", "https")).rstrip("/"),
        ade_key=_text(environment, "GATE_ADE_KEY"),
        origins=frozenset(_list(environment, "GATE_ORIGINS")),
        tools=tuple(_list(environment, "GATE_TOOLS")),
        metrics_token=_text(environment, "GATE_METRICS_TOKEN"),
    )
    if not (settings.connector_token or settings.user_keys):
        raise BadSetting("Set GATE_TOKEN for ADE's connector, or GATE_USER_KEYS=1 for users' keys.")
    for name, token in (
        ("GATE_TOKEN", settings.connector_token),
        ("GATE_METRICS_TOKEN", settings.metrics_token),
    ):
        if token and len(token) < _SHORTEST_TOKEN:
            raise BadSetting(f"{name} needs at least {_SHORTEST_TOKEN} characters.")
    if settings.metrics_token and settings.metrics_token == settings.connector_token:
        raise BadSetting("GATE_METRICS_TOKEN must not be GATE_TOKEN: it may only read metrics.")
    if settings.connector_token and settings.connector_token == settings.upstream_token:
        raise BadSetting("GATE_TOKEN must not be the App Server's token: that one opens a shell.")
    if settings.user_keys and not (settings.ade and settings.ade_key):
        raise BadSetting(
            "Users' keys need GATE_ADE, ADE's address, and GATE_ADE_KEY, a key of ADE."
        )
    return settings


def _text(environment: Mapping[str, str], name: str, default: str = "") -> str:
    if path := environment.get(f"{name}_FILE"):
        try:
            return Path(path).read_text("utf-8").strip()
        except OSError as error:
            raise BadSetting(f"{name}_FILE cannot be read: {error.strerror}.") from error
    return environment.get(name, default).strip()


def _switch(environment: Mapping[str, str], name: str) -> bool:
    value = _text(environment, name).lower()
    if value not in _YES + _NO:
        raise BadSetting(f"{name} must be 1 or 0.")
    return value in _YES


def _list(environment: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in _text(environment, name).split(",") if part.strip()]


def _address(
    environment: Mapping[str, str], name: str, default: str, schemes: tuple[str, ...]
) -> str:
    value = _text(environment, name, default)
    parts = urlsplit(value)
    if value and (parts.scheme not in schemes or not parts.hostname):
        raise BadSetting(f"{name} must be an address that starts with {schemes[0]}://.")
    return value

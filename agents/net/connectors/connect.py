"""Make the connector of a server."""

from agents.net.connectors.address import Networks
from agents.net.connectors.app_server import AppServerConnector
from agents.net.connectors.base import Connector
from agents.net.connectors.letta import LettaConnector


def connect(kind: str, url: str, *, token: str | None, networks: Networks) -> Connector:
    """Return the connector of a server. Nothing is sent yet.

    `url` is in the form that `source_address` gives. Raises Denied for a token no header can carry.
    """
    if kind == "app-server":
        return AppServerConnector(url, token=token, networks=networks)
    if kind == "letta":
        return LettaConnector(url, token=token, networks=networks)
    raise ValueError(f"There is no connector for {kind!r}.")

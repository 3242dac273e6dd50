"""Options of connections to PostgreSQL: which host to use, and when to notice that it is gone."""

from typing import Any

# Seconds, and for tcp_user_timeout milliseconds. Without these, a host that vanishes from the
# network holds a request for minutes. Sockets of this machine ignore them.
_NOTICE = {
    "connect_timeout": 5,
    "tcp_user_timeout": 5000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
_ROLES: dict[str, dict[str, Any]] = {
    # Of several hosts, the one that accepts writes: after a failover the next connection finds it.
    "default": {"target_session_attrs": "read-write"},
    # psycopg raises a shorter timeout to two seconds.
    "replica": {
        "target_session_attrs": "standby",
        "load_balance_hosts": "random",
        "connect_timeout": 2,
    },
}


def postgres_options(alias: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a connection: those of its URL, and defaults for its role.

    A single primary is not asked for its role, which would cost a query for each connection.
    """
    several = "," in str(given.get("host", ""))
    role = _ROLES[alias] if several or alias == "replica" else dict[str, Any]()
    return {**_NOTICE, **role, **given}

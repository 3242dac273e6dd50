"""The log: one line per event. Text from outside cannot break or forge a line, or put secrets there.

The formatters write a fixed list of fields. Libraries attach whole requests to a record, with the
query, and a formatter that writes every attribute would log those.
"""

import json
import logging
import re
import time
from contextvars import ContextVar
from typing import Any

# The request that this thread works on now.
request_id: ContextVar[str] = ContextVar("request_id", default="")

_security = logging.getLogger("ade.security")

# Keys, webhook secrets and one-time links: the only secrets that can stand in a text or a path.
_SECRETS = re.compile(
    r"(\bade_[0-9a-f]{4})[\w-]{8,}|(\bwhsec_)[\w+/=]+"
    r"|(/accounts/password/set/)[^\s\"'?#<][^\s\"'?#]*"
)

# Made once: json.dumps makes an encoder for each line.
_as_json = json.JSONEncoder(default=str).encode

# Escaped in the values of a text line: they could look like another field.
_FORGING = " =\"'`\\"


def security(event: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Log an event that concerns access, with `fields` for who and what."""
    _security.log(level, event, extra={"fields": fields})


def scrubbed(text: str) -> str:
    """Return the text without keys and one-time links."""
    if "ade_" not in text and "whsec_" not in text and "/set/" not in text:
        return text
    return _SECRETS.sub(r"\1\2\3…", text)


class JsonFormatter(logging.Formatter):
    """Writes one JSON object per line, in ASCII, so that every kind of line break is escaped."""

    def format(self, record: logging.LogRecord) -> str:
        entry = _entry(record, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)))
        if trace := _trace(self, record):
            entry["trace"] = trace
        return _as_json(entry)


class TextFormatter(logging.Formatter):
    """Writes a readable line: time, level, message, then `name=value` for each field.

    In a value `=`, spaces, quotes, backslashes and unprintable characters are escaped, so that no value
    looks like a field. A traceback follows, each line indented.
    """

    def format(self, record: logging.LogRecord) -> str:
        entry = _entry(record, time.strftime("%H:%M:%S", time.localtime(record.created)))
        head = [entry.pop("time"), entry.pop("level"), _escaped(entry.pop("message"), "=\\")]
        entry.pop("logger")
        words = [f"{name}={_escaped(str(value), _FORGING)}" for name, value in entry.items()]
        trace = _trace(self, record)
        lines = [
            " ".join([*head, *words]),
            *(f"  | {_escaped(part)}" for part in trace.splitlines()),
        ]
        return "\n".join(lines)


def _entry(record: logging.LogRecord, moment: str) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, "fields", {})
    entry: dict[str, Any] = {
        "time": f"{moment}.{int(record.msecs):03d}" + ("Z" if "T" in moment else ""),
        "level": record.levelname,
        "logger": record.name,
        "message": scrubbed(record.getMessage()),
    }
    if current := request_id.get():
        entry["request_id"] = current
    for name, value in fields.items():  # a field does not replace the ones above
        entry.setdefault(name, scrubbed(value) if isinstance(value, str) else value)
    return entry


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return scrubbed(formatter.formatException(record.exc_info)) if record.exc_info else ""


def _escaped(text: str, also: str = "") -> str:
    return "".join(
        char if char.isprintable() and char not in also else _escape(char) for char in text
    )


def _escape(char: str) -> str:
    # unicode_escape leaves printable characters other than the backslash as they are.
    escape = char.encode("unicode_escape").decode()
    return escape if escape != char else f"\\x{ord(char):02x}"

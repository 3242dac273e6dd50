"""The log: one line an event, which no text from outside can break, forge or fill with secrets.

The formatters are our own because they write a fixed list of fields. Libraries hang whole requests
on a record, query and all, and a formatter that writes what it finds would write those.
"""

import json
import logging
import re
import time
from contextvars import ContextVar
from typing import Any

# The request that this thread works on; a thread works on one after the other.
request_id: ContextVar[str] = ContextVar("request_id", default="")

_security = logging.getLogger("ade.security")

# Keys, webhooks' secrets, and the one-time links that set a password: the only secrets that stand
# in text or a path.
_SECRETS = re.compile(
    r"(\bade_[0-9a-f]{4})[\w-]{8,}|(\bwhsec_)[\w+/=]+"
    r"|(/accounts/password/set/)[^\s\"'?#<][^\s\"'?#]*"
)


def security(event: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Log what bears on who may come in: `event` in plain words, who and what as fields."""
    _security.log(level, event, extra={"fields": fields})


def scrubbed(text: str) -> str:
    """The text without keys and one-time links."""
    return _SECRETS.sub(r"\1\2\3…", text)


class JsonFormatter(logging.Formatter):
    """One JSON object a line, ASCII only: a line break of any kind comes out escaped."""

    def format(self, record: logging.LogRecord) -> str:
        entry = _entry(record, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)))
        if trace := _trace(self, record):
            entry["trace"] = trace
        return json.dumps(entry, default=str)


class TextFormatter(logging.Formatter):
    """A line to read. What was a line break is escaped; a traceback follows, each line indented."""

    def format(self, record: logging.LogRecord) -> str:
        entry = _entry(record, time.strftime("%H:%M:%S", time.localtime(record.created)))
        head = [entry.pop("time"), entry.pop("level"), entry.pop("message")]
        entry.pop("logger")
        words = [*head, *(f"{name}={value}" for name, value in entry.items())]
        line = " ".join(_visible(str(word)) for word in words)
        trace = _trace(self, record)
        return "\n".join([line, *(f"  | {_visible(part)}" for part in trace.splitlines())])


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
    for name, value in fields.items():  # a field never takes the place of one above
        entry.setdefault(name, scrubbed(value) if isinstance(value, str) else value)
    return entry


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return scrubbed(formatter.formatException(record.exc_info)) if record.exc_info else ""


def _visible(text: str) -> str:
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )

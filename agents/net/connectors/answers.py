"""Read JSON answers that may be large and contain lone surrogates, in parts and without a third copy.

msgspec splits an answer into raw parts, and each agent is decoded alone. It refuses a lone surrogate
(`\\ud800`), which App Servers keep in tags. So if splitting fails, such escapes are replaced by a text that the answer does not contain, and put back
in the parts that have them.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from agents.net.connectors.base import SeenAgent, SeenBlock, Unread

T = TypeVar("T")

_SUBAGENT = "role:subagent"

# A pair of surrogates, a lone one (group 1), or any other escape.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u)(?=[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_STAND_INS = [rb"\ufdd%x" % number for number in range(16)]


class BadJson(ValueError):
    """The answer is not JSON of the expected form. The text says where."""


class JsonAnswer:
    """The bytes of an answer, read in parts."""

    def __init__(self, content: bytes | bytearray) -> None:
        self._content = content
        self._stand_in: bytes | None = None

    def split(self, form: type[T]) -> T:
        """Decode the outer form, whose parts are msgspec.Raw. Raises BadJson."""
        try:
            return msgspec.json.decode(self._content, type=form)
        except msgspec.ValidationError as error:
            raise BadJson(str(error)) from error
        except RecursionError as error:
            raise BadJson("it is nested too deep") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if self._stand_in is not None or not self._hide_lone_surrogates():
                raise BadJson(str(error)) from error
        return self.split(form)

    def _hide_lone_surrogates(self) -> bool:
        """Replace them by a stand-in; False where there is none."""
        content = self._content
        unused = next((text for text in _STAND_INS if text not in content), None)
        if unused is None:
            return False
        self._content, count = _ESCAPE.subn(lambda match: unused if match[1] else match[0], content)
        self._stand_in = unused if count else None
        return self._stand_in is not None

    def value(self, raw: msgspec.Raw) -> Any:
        """Decode a part to dicts, lists and texts. Raises BadJson."""
        part = bytes(raw)
        try:
            if self._stand_in is not None and self._stand_in in part:
                return json.loads(part.replace(self._stand_in, b"\\u"))
            return msgspec.json.decode(part)
        except RecursionError as error:
            raise BadJson("it is nested too deep") from error
        except (ValueError, OverflowError) as error:  # msgspec's errors are ValueErrors
            raise BadJson(f"it cannot be read: {error}") from error


class _Head(msgspec.Struct):
    """What every agent must have. Without `tags` a removed tag could not be noticed."""

    id: str
    name: str
    tags: list[str]


class _Id(msgspec.Struct):
    id: str


class _BlockHead(msgspec.Struct):
    id: str
    label: str
    value: str


def seen_agent(
    answer: JsonAnswer, raw: msgspec.Raw, *, hides_subagents: bool
) -> SeenAgent | Unread:
    """Read one agent. Returns Unread if ADE cannot read it.

    `hides_subagents`: the tag role:subagent hides an agent whose `hidden` is not set.
    """
    try:
        fields = answer.value(raw)
    except BadJson as error:
        return Unread(_id_in(raw), f"{error}.")
    try:
        head = msgspec.convert(fields, _Head)
    except msgspec.ValidationError as error:
        return Unread(_id_of(fields), f"it cannot be read: {error}.")
    del fields["tags"]
    moved, hidden = fields.get("updated_at"), fields.get("hidden")
    return SeenAgent(
        id=head.id,
        name=head.name,
        tags=tuple(head.tags),
        hidden=hidden if isinstance(hidden, bool) else hides_subagents and _SUBAGENT in head.tags,
        fields=fields,
        moved=moved if isinstance(moved, str) else None,
        blocks=_blocks_of(fields),
    )


def _id_of(fields: object) -> str | None:
    try:
        return msgspec.convert(fields, _Id).id
    except msgspec.ValidationError:
        return None


def _id_in(raw: msgspec.Raw) -> str | None:
    """The id in an agent of which another field cannot be decoded."""
    try:
        return msgspec.json.decode(raw, type=_Id).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _blocks_of(fields: Mapping[str, Any]) -> tuple[SeenBlock, ...] | None:
    blocks = fields.get("blocks")
    if blocks is None and isinstance(fields.get("memory"), dict):
        blocks = fields["memory"].get("blocks")  # Letta before 0.16
    if not isinstance(blocks, list):
        return None
    return tuple(block for block in map(seen_block, blocks) if block is not None)


def seen_block(fields: object) -> SeenBlock | None:
    """Read one memory block; None where it is none."""
    try:
        head = msgspec.convert(fields, _BlockHead)
    except msgspec.ValidationError:
        return None
    items = (
        fields.items() if isinstance(fields, dict) else ()
    )  # convert has refused everything else
    more = {name: value for name, value in items if name not in ("id", "label", "value")}
    return SeenBlock(id=head.id, label=head.label, value=head.value, fields=more)


def json_bytes(value: object) -> bytes:
    """Write JSON in ASCII, so that lone surrogates survive."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()

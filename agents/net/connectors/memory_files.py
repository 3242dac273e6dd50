"""Memory files of an App Server: Markdown with a head of `name` and `description`."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from agents.net.connectors.base import Rejected, SeenBlock

_FRONT_MATTER = re.compile(r"\A---\n.*?^---\n", re.DOTALL | re.MULTILINE)
_INDEX = "MEMORY"
_DESCRIPTION = re.compile(r"^description:.*\n(?!\s)", re.MULTILINE)


def memory_block(entry: object) -> SeenBlock | None:
    """Read an entry of `list_memory`; None for files that are no text."""
    if not isinstance(entry, dict) or entry.get("kind", "markdown") != "markdown":
        return None
    path, content = entry.get("relative_path"), entry.get("content")
    if not isinstance(path, str) or not isinstance(content, str):
        return None
    more = {name: value for name, value in entry.items() if name != "content"}
    return SeenBlock(id=path, label=path.removesuffix(".md"), value=content, fields=more)


def with_changes(content: str, old: SeenBlock, fields: Mapping[str, Any]) -> str:
    """The text of a memory file with another value, another description, or both."""
    head = _FRONT_MATTER.match(content)
    front = head[0] if head else f"---\nname: {old.label}\n---\n"
    value: str = fields.get("value", content[head.end() :] if head else content)
    if "description" in fields:
        # The server takes the rest of the line as it is; it reads no YAML.
        description = fields["description"] or ""
        if "\n" in description or "\r" in description:
            raise Rejected("At an App Server, a description is one line.")
        line = f"description: {description}\n"
        if _DESCRIPTION.search(front):
            front = _DESCRIPTION.sub(lambda _: line, front, count=1)
        elif re.search(r"^description:", front, re.MULTILINE):
            raise Rejected("The description has several lines. Edit it at the server.")
        else:
            front = f"{front.removesuffix('---' + chr(10))}{line}---\n"
    return front + value


def in_folder(label: str) -> bool:
    """True if a memory file with this label lies in a folder, inside the agent's own."""
    parts = label.split("/")
    return len(parts) > 1 and not {"", ".", ".."} & set(parts)


def files_in_folders(blocks: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The paths and texts of these memory blocks that lie in folders, in the order to write them.

    The server wants an index, MEMORY.md, in each folder before other files are there.
    """
    texts = {str(block["label"]): block for block in blocks if in_folder(str(block["label"]))}
    for label in list(texts):
        parts = label.split("/")[:-1]
        for depth in range(len(parts)):
            folder = "/".join(parts[: depth + 1])
            texts.setdefault(f"{folder}/{_INDEX}", {"value": f"# {parts[depth]}\n"})
    order = sorted(
        texts, key=lambda label: (not label.endswith(f"/{_INDEX}"), label.count("/"), label)
    )
    return [(f"{label}.md", _text_of(label, texts[label])) for label in order]


def _text_of(label: str, block: Mapping[str, Any]) -> str:
    """The text of a new memory file. An index has no head; all others need a name and a description."""
    if label.endswith(f"/{_INDEX}"):
        return str(block["value"])
    description = " ".join(str(block.get("description") or "").split())
    old = SeenBlock(id=f"{label}.md", label=label, value="", fields={})
    return with_changes("", old, {"value": block["value"], "description": description or label})

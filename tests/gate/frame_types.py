"""The types of frames that the App Server's package declares, with the fields of its requests."""

import re
from pathlib import Path

FILE = Path(__file__).with_suffix(".txt")  # of letta 0.34.12, one type a line, then its fields
TYPES = {line.split()[0]: line.split()[1:] for line in FILE.read_text().splitlines()}


def of_package(folder: Path) -> dict[str, list[str]]:
    """Read the package's TypeScript declarations: every `type`, and the fields of what clients send."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.d.ts")):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        for body in re.findall(r"interface \w+Command\b[^{]*\{\n(.*?)\n\}", text, re.S):
            fields = dict(re.findall(r"^    (\w+)\??:\s*(.*)$", body, re.M))
            for name in re.findall(r'"(\w+)"', fields.pop("type", "")):
                found[name] = list(fields)
        for name in re.findall(r'\btype: "(\w+)"', text):
            found.setdefault(name, [])
    return found

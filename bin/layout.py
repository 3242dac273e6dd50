"""Check the layout that CONTRIBUTING.md describes: names of concepts, size of folders, no import circle.

Import-linter checks the order of layers and packages. This script also sees imports inside functions.
"""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from processes import ROOT

CONCEPTS = {
    *("core", "agents", "tags", "memory", "identities", "directory", "users", "keys"),
    *(
        "saved_views",
        "history",
        "bulk",
        "transfer",
        "sources",
        "offboarding",
        "crossings",
        "webhooks",
        "upkeep",
        "letta",
    ),
    *("door", "overview", "members", "access"),
}
FLOORS = ("domain", "queries", "views", "api", "forms")
MOST_FILES = 20  # source files directly in one folder


def wrong_names() -> Iterator[str]:
    """Yield each module or package of a layer that is not named after a concept."""
    for floor in FLOORS:
        for path in sorted((ROOT / "agents" / floor).iterdir()):
            if not path.name.startswith("__") and path.stem not in CONCEPTS:
                yield f"agents/{floor}/{path.name} is not named after a concept (CONTRIBUTING.md)."


def full_folders() -> Iterator[str]:
    """Yield each folder of agents/ with too many source files directly in it."""
    for folder in sorted(path for path in (ROOT / "agents").rglob("*") if path.is_dir()):
        count = len(list(folder.glob("*.py")))
        # Migrations are never edited or moved: their number grows with each release.
        if count > MOST_FILES and folder.name != "migrations":
            yield f"{folder.relative_to(ROOT)} has {count} source files; at most {MOST_FILES} may be."


def import_circles() -> Iterator[str]:
    """Yield an import circle between modules, whether the imports stand at the top or in functions."""
    files = [path for top in ("ade", "agents") for path in sorted((ROOT / top).rglob("*.py"))]
    modules = {_module(path): path for path in files if "migrations" not in path.parts}
    try:
        TopologicalSorter({n: _imports(p, n, modules) for n, p in modules.items()}).prepare()
    except CycleError as error:
        yield f"Import circle: {' -> '.join(reversed(error.args[1]))}"


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path, name: str, modules: dict[str, Path]) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    only_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in only_types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in modules else node.module)
    return (found & modules.keys()) - {name}


def main() -> None:
    problems = [*wrong_names(), *full_folders(), *import_circles()]
    print("\n".join(problems) or "The layout is as CONTRIBUTING.md says.")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()

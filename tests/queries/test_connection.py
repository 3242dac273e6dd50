"""Lists can be read from a replica only if they ask for the connection that reads."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_no_listing_asks_for_the_primary_s_connection() -> None:
    own = re.compile(r"^from django\.db import .*\bconnections?\b|\bDEFAULT_DB_ALIAS\b", re.M)
    modules = [*(ROOT / "agents/listing").glob("*.py"), ROOT / "agents/api/agents/json.py"]
    assert [module.name for module in modules if own.search(module.read_text())] == []

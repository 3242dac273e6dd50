"""The Python blocks of docs/api/reference.md, run one after the other against a running server."""

import re
from pathlib import Path

from tests.api.calls import make_token

PAGE = Path(__file__).resolve().parents[3] / "docs" / "api" / "reference.md"


def test_the_snippets_of_the_api_page_hold(live: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names = {"BASE_URL": live, "KEY": make_token(scope="manage")}
    for number, block in enumerate(blocks):
        exec(compile(block, f"docs/api/reference.md, block {number + 1}", "exec"), names)

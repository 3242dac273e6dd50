"""What the docs say is what the code does."""

import re
from pathlib import Path

from agents.core import limits

ROOT = Path(__file__).resolve().parents[2]


def test_limits_table_is_the_module() -> None:
    rows = re.findall(r"\| ([\d,]+) \| `([A-Z_]+)` \|", (ROOT / "docs/api/limits.md").read_text())
    said = {name: int(number.replace(",", "")) for number, name in rows}
    assert said == {name: value for name, value in vars(limits).items() if name.isupper()}


def test_every_link_of_the_docs_leads_somewhere() -> None:
    missing = [
        f"{page.name}: {target}"
        for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert missing == []


def test_settings_page_names_what_the_settings_read() -> None:
    read = set(
        re.findall(
            r'(?:env\.\w+|_number|_networks)\(\s*"([A-Z_]+)"',
            (ROOT / "ade/settings.py").read_text(),
        )
    )
    told = set(
        re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/operate/settings.md").read_text(), re.M)
    )
    assert told == read

"""A stamped table is what a {% for %} over the same rows gives."""

from dataclasses import dataclass

from django.template import engines
from django.utils.safestring import SafeString

ROW = (
    "<p{% if row.flag %} flag{% endif %}>{{ row.text }}:{{ row.html }}"
    "{% if row.more %} +{{ row.more }}{% endif %} {{ outside }} {{ row.text }}</p>"
)


@dataclass(frozen=True)
class Row:
    text: str
    html: SafeString
    more: int = 0
    flag: bool = False


def render(source: str, rows: list[Row]) -> str:
    template = engines["django"].from_string("{% load stamp %}" + source)
    return template.render({"rows": rows, "outside": "<o>"})


def test_stamp_is_as_for() -> None:
    rows = [
        Row("<script>&\"'", SafeString("<b>1</b>")),
        Row("", SafeString("")),
        Row("{{ outside }} 1 %s \\1", SafeString("2"), more=3),
        Row("0", SafeString("&amp;"), flag=True),
        Row("again", SafeString("<b>2</b>"), flag=True),
    ]
    stamped = render("{% stamp row in rows %}" + ROW + "{% endstamp %}", rows)
    assert stamped == render("{% for row in rows %}" + ROW + "{% endfor %}", rows)


def test_stamp_of_nothing_is_nothing() -> None:
    assert render("{% stamp row in rows %}" + ROW + "{% endstamp %}", []) == ""

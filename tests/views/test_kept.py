"""What a page keeps of itself depends on the values that it names, and on nothing else."""

import pytest
from django.template import Template, TemplateSyntaxError, engines
from django.template.backends.django import Template as Backend
from django.test import RequestFactory

from tests.helpers import make_user


def template(source: str) -> Backend:
    made: Backend = engines["django"].from_string("{% load kept %}" + source)
    return made


def test_kept_is_rendered_anew_for_other_values_only() -> None:
    made = template("{% kept nav=nav %}{{ nav }} {% now 'u' %}{% endkept %}")
    first = made.render({"nav": "a"})
    assert made.render({"nav": "a"}) == first
    assert made.render({"nav": "b"}).split()[0] == "b"
    assert made.render({"nav": "a"}) == first


def test_kept_tells_true_from_one_and_none_from_nothing() -> None:
    made = template("{% kept one=one %}{{ one }}{% endkept %}")
    given = [True, 1, "1", None, "", False, 0]
    assert [made.render({"one": one}) for one in given] == [
        "True", "1", "1", "None", "", "False", "0",
    ]  # fmt: skip


def test_kept_escapes() -> None:
    made = template("{% kept one=one %}{{ one }}{% endkept %}")
    assert made.render({"one": "<b>"}) == "&lt;b&gt;"


@pytest.mark.django_db
def test_kept_sees_nothing_else_of_the_page() -> None:
    made = template(
        "{% kept nav=nav %}{{ nav }}|{{ user.username }}|{{ request.path }}|{{ other }}|"
        "{% if messages %}m{% endif %}{% csrf_token %}{% endkept %}"
    )
    request = RequestFactory().get("/agents/")
    request.user = make_user("ada")
    request._messages = []  # type: ignore[attr-defined]  # as the middleware of messages does
    assert made.render({"nav": "n", "other": "o"}, request) == "n||||"


def test_kept_takes_plain_values_only() -> None:
    made = template("{% kept one=one %}{{ one }}{% endkept %}")
    with pytest.raises(TypeError, match=r"^one of a kept part is no plain value: list\.$"):
        made.render({"one": ["a"]})


def test_kept_without_a_name_is_refused() -> None:
    with pytest.raises(TemplateSyntaxError):
        Template("{% load kept %}{% kept nav %}{% endkept %}")


def test_kept_forgets_before_it_grows_without_end() -> None:
    made = template("{% kept one=one %}{{ one }}{% endkept %}")
    assert [made.render({"one": one}) for one in range(1000)] == [str(one) for one in range(1000)]
    (node,) = made.template.nodelist.get_nodes_by_type(type(made.template.nodelist[-1]))
    assert len(node._kept) <= 200  # type: ignore[attr-defined]

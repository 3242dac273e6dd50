"""Role and limit by claims of the identity provider, with values that were not meant."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from ade.accounts.claims import follow_claims
from ade.accounts.members import LAST_ADMIN
from agents.core.reach import Reach
from agents.domain.members import limit_of
from tests.helpers import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def claims(settings: Any) -> None:
    settings.OIDC_ROLE_CLAIM, settings.OIDC_LIMIT_CLAIM = "groups", "ade_tags"


@pytest.mark.parametrize(
    ("value", "limit"),
    [
        ("team:care", ("team:care",)),
        (["b", "a", "b"], ("a", "b")),
        ("team:care team:sales", ("team:care team:sales",)),  # one tag with a space
        ("*", ()),
        (["*", "*"], ()),
    ],
)
def test_a_text_or_a_list_of_texts_is_the_limit(value: Any, limit: tuple[str, ...]) -> None:
    bob = make_user("bob", stored_reach=Reach.of_tags(["old"]).stored())
    member = follow_claims(bob, {"groups": ["x", "viewer"], "ade_tags": value})
    assert (member.role, limit_of(member)) == ("viewer", limit)


UNCLEAR: list[Any] = [
    *(None, "", [], [""], {}, {"tags": ["a"]}, 7, True),
    *([["a"]], ["a", 7], ["*", None], ["*", "a"], ["a", ["b"]]),
    [f"t{n}" for n in range(11)],
    *("a\x00b", "x" * 600),
]


@pytest.mark.parametrize("value", UNCLEAR, ids=[str(value)[:20] for value in UNCLEAR])
def test_any_other_limit_refuses_the_sign_in_and_changes_nothing(value: Any) -> None:
    bob = make_user("bob", stored_reach=Reach.of_tags(["old"]).stored())
    with pytest.raises(ValidationError):
        follow_claims(bob, {"groups": "viewer", "ade_tags": value})
    bob.refresh_from_db()
    assert (bob.role, limit_of(bob)) == ("editor", ("old",))


@pytest.mark.parametrize("value", [None, "", "Admin", ["owner"], {"role": "admin"}, [["admin"]]])
def test_a_role_that_is_not_known_refuses_the_sign_in(value: Any) -> None:
    bob = make_user("bob")
    with pytest.raises(ValidationError, match="no role"):
        follow_claims(bob, {"groups": value, "ade_tags": "a"})


def test_the_last_admin_stays_admin_and_a_second_one_does_not() -> None:
    ada = make_user("ada", role="admin")
    with pytest.raises(ValidationError, match=LAST_ADMIN):
        follow_claims(ada, {"groups": "viewer", "ade_tags": "a"})
    ada.refresh_from_db()
    assert (ada.role, ada.stored_reach) == ("admin", None)
    make_user("eve", role="admin")
    member = follow_claims(ada, {"groups": "viewer", "ade_tags": "a"})
    assert (member.role, limit_of(member)) == ("viewer", ("a",))
    # As an admin again there is no limit, whatever the other claim says.
    member = follow_claims(member, {"groups": ["viewer", "admin"], "ade_tags": ["a", 7]})
    assert (member.role, member.stored_reach) == ("admin", None)

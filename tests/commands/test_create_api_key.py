"""manage.py create_api_key: the token alone on stdout, once."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from agents.domain.core.key_tokens import actor_of, find_key
from agents.domain.keys import is_good
from agents.models import ApiKey

pytestmark = [pytest.mark.django_db, pytest.mark.only_sqlite]  # the database plays no part


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    call_command("create_api_key", *arguments)
    return capsys.readouterr()


def test_token_stands_alone_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = run(capsys, "nightly job")
    assert out.endswith("\n")
    assert out.count("\n") == 1
    key = find_key(out.rstrip("\n"))
    assert key is not None
    assert is_good(key)
    assert (key.name, key.scope, key.limit_tag, key.expires_at) == (
        "nightly job",
        "write",
        None,
        None,
    )
    assert err == ("API key “nightly job”, scope write, no expiry. The key is shown only once:\n")


def test_options_reach_the_key(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = run(
        capsys, "phone", "--scope", "read", "--limit-tag", "user_1", "--may-tag", "note:*",
        "--may-tag", "done", "--expires-days", "2",
    )  # fmt: skip
    key = find_key(out.strip())
    assert key is not None
    actor = actor_of(key)
    assert (key.scope, actor.reach.tags, actor.may_tag) == ("read", ("user_1",), ("note:*", "done"))
    assert key.expires_at is not None
    assert abs(key.expires_at - timezone.now() - timedelta(days=2)) < timedelta(minutes=1)
    assert err.startswith(
        "API key “phone”, scope read, limited to agents tagged user_1, valid until "
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["  "], "Enter a name for the key."),
        (["k", "--limit-tag", ""], "Tag is empty."),
        (["k", "--may-tag", "x"], "--may-tag needs --limit-tag: it is for limited keys only."),
        (["k", "--expires-days", "0"], "--expires-days must be a whole number from 1 to 36,500."),
        (["k", "--expires-days", "99999999"], "--expires-days must be a whole number from 1 to 36,500."),
    ],
)  # fmt: skip
def test_bad_input_makes_no_key(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("create_api_key", *arguments)
    assert str(refused.value) == message
    assert ApiKey.objects.count() == 0

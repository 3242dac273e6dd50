"""Settings as an operator gives them: each start is a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.only_sqlite  # the database plays no part

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a-long-secret-for-tests-only-0123456789-abcdefghijklmnopqrstuvwxyz"
PRODUCTION = {"SECRET_KEY": SECRET, "HTTPS": "true", "ALLOWED_HOSTS": "ade.example"}
OIDC = {
    "OIDC_SERVER_URL": "https://id.example/realm",
    "OIDC_CLIENT_ID": "ade",
    "OIDC_CLIENT_SECRET": "s",
}

REPLICATED = {
    "SECRET_KEY": SECRET,
    "DATABASE_URL": "postgres://ade@/ade?host=one,two&port=5432,5433",
    "REPLICA_URL": "postgres://ade@/ade?host=two,three&connect_timeout=4",
}


def start(code: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code that knows `settings`, or `manage.py check --deploy`, with only these set."""
    setup = "from ade import settings; "
    command = (
        ["-c", setup + code] if code else ["manage.py", "check", "--deploy", "--fail-level=DEBUG"]
    )
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": "sqlite://:memory:",
            "DJANGO_SETTINGS_MODULE": "ade.settings",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def value(expression: str, **environment: str) -> str:
    done = start(f"print({expression})", **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "more",
    [{}, {"MFA": "true", "PASSKEYS": "true"}, OIDC, {"BEHIND_PROXY": "true"}],
    ids=["plain", "factors", "identity provider", "proxy"],
)
def test_check_deploy_is_silent_in_production(more: dict[str, str]) -> None:
    done = start(**PRODUCTION, **more)
    assert (done.stdout, done.stderr, done.returncode) == (
        "System check identified no issues (0 silenced).\n",
        "",
        0,
    )


@pytest.mark.parametrize("name", ["DEBUG", "HTTPS", "BEHIND_PROXY", "MFA", "PASSKEYS", "API_OPEN"])
def test_boolean_neither_true_nor_false_stops_the_start(name: str) -> None:
    done = start("pass", **{"SECRET_KEY": SECRET, name: "maybe"})
    last = done.stderr.strip().splitlines()[-1]
    assert (done.returncode, name in last, "Not a valid boolean" in last) == (1, True, True)


NUMBERS = sorted(
    re.findall(r'_number\(\s*"([A-Z_]+)"', (ROOT / "ade/settings.py").read_text("utf-8"))
)


def test_numbers_out_of_range_stop_the_start() -> None:
    """Every one of them; in one process, because a start takes a second."""
    code = (
        "import os, sys, importlib; from django.core.exceptions import ImproperlyConfigured as Wrong\n"
        "for name in sys.argv[1:]:\n"
        " for value in ('-1', '-0.5', '99999999999999'):\n"
        "  os.environ[name] = value\n"
        "  try: importlib.reload(settings); print(name, value, 'was taken')\n"
        "  except Exception as error: print(name in str(error), end=' ')\n"
        "  del os.environ[name]\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"from ade import settings\n{code}", *NUMBERS],
        cwd=ROOT,
        env={"SECRET_KEY": SECRET, "BEHIND_PROXY": "true", "HTTPS": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(NUMBERS) >= 19
    assert done.stdout.split() == ["True"] * len(NUMBERS) * 3


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "Set SECRET_KEY, or SECRET_KEY_FILE to a file that contains it."),
        ({"SECRET_KEY_FILE": "/nowhere"}, "SECRET_KEY_FILE must be a readable file path."),
        (
            {"SECRET_KEY": SECRET, "USER_TAG_PATTERNS": "user_"},
            "USER_TAG_PATTERNS needs at least one pattern, and each must contain {id} once.",
        ),
        (
            {"SECRET_KEY": SECRET, "OIDC_SERVER_URL": "https://id.example"},
            "OIDC_SERVER_URL needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET too.",
        ),
        (
            {"SECRET_KEY": SECRET, "OIDC_AUTO_CREATE_ROLE": "root"},
            "OIDC_AUTO_CREATE_ROLE must be viewer, editor, manager or admin.",
        ),
        (
            {**REPLICATED, "POOLER": "transaction"},
            "With POOLER, DATABASE_URL must name one host.",
        ),
        ({"SECRET_KEY": SECRET, "POOLER": "yes"}, "POOLER must be transaction, or not set."),
        (
            {"SECRET_KEY": SECRET, "REPLICA_URL": "postgres://127.0.0.1/ade"},
            "REPLICA_URL and DATABASE_URL must both name postgres.",
        ),
        ({"SECRET_KEY": SECRET, "LOG_LEVEL": "LOUD"}, "LOG_LEVEL must be DEBUG, INFO, WARNING,"),
        (
            {**REPLICATED, "REPLICA_MAX_LAG": "0"},
            "REPLICA_MAX_LAG must be a number from 2 to 300.",
        ),
    ],
)
def test_what_is_missing_or_wrong_stops_the_start(
    environment: dict[str, str], message: str
) -> None:
    done = start("pass", **environment)
    assert done.returncode == 1
    assert message in done.stderr.strip().splitlines()[-1]


def test_secrets_come_from_files_too(tmp_path: Path) -> None:
    for name, text in (("key", SECRET), ("client", "from a file")):
        (tmp_path / name).write_text(f"{text}\n")
    files = {
        "SECRET_KEY_FILE": str(tmp_path / "key"),
        "OIDC_CLIENT_SECRET_FILE": str(tmp_path / "client"),
    }
    more = {name: text for name, text in OIDC.items() if name != "OIDC_CLIENT_SECRET"}
    shown = value("(settings.SECRET_KEY, settings.OIDC_CLIENT_SECRET)", **files, **more)
    assert shown == str((SECRET, "from a file"))


def test_cookies_are_bound_to_the_host_where_https_is_on() -> None:
    shown = value(
        "[settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.SESSION_COOKIE_SECURE,"
        "settings.CSRF_COOKIE_SECURE, settings.SECURE_HSTS_SECONDS]",
        **PRODUCTION,
    )
    expected = ["__Host-ade-session", "__Host-ade-csrf", True, True, 31536000]
    assert shown == str(expected)


def test_policy_lets_forms_lead_to_the_identity_provider() -> None:
    shown = value(
        "settings.CONTENT_SECURITY_POLICY",
        SECRET_KEY=SECRET,
        OIDC_ORIGINS="https://login.example",
        **OIDC,
    )
    assert "form-action 'self' https://id.example https://login.example;" in shown


def test_forwarded_headers_are_believed_behind_a_proxy_only() -> None:
    names = "(settings.BEHIND_PROXY, settings.PROXY_COUNT)"
    assert value(names, **PRODUCTION, BEHIND_PROXY="true", PROXY_COUNT="2") == "(True, 2)"
    assert value(names, **PRODUCTION) == "(False, 1)"


def test_several_hosts_are_asked_for_the_one_that_takes_writes() -> None:
    shown = value(
        "[[one['OPTIONS'][name] for name in ('host', 'target_session_attrs', 'connect_timeout')]"
        " for one in settings.DATABASES.values()]",
        **REPLICATED,
    )
    expected = [["one,two", "read-write", 5], ["two,three", "standby", 4]]
    assert shown == str(expected)


def test_a_pooler_by_transaction_is_asked_for_no_cursor_that_outlives_one() -> None:
    shown = "[one['DISABLE_SERVER_SIDE_CURSORS'] for one in settings.DATABASES.values()]"
    pooled = REPLICATED | {"DATABASE_URL": "postgres://ade@pooler/ade"}
    assert value(shown, **pooled) == "[False, False]"
    assert value(shown, **pooled, POOLER="transaction") == "[True, True]"

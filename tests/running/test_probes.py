"""/healthz and /readyz: what supervisors and load balancers ask."""

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

PROBES = ("/healthz", "/readyz")


@pytest.mark.django_db
@pytest.mark.parametrize("path", PROBES)
def test_it_works(path: str) -> None:
    response = Client().get(path)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert Client().head(path).status_code == 200
    assert Client().post(path).status_code == 405
    assert response.cookies == {}


@pytest.mark.django_db
@pytest.mark.parametrize("path", PROBES)
def test_it_answers_by_any_host_and_without_tls(path: str, settings: object) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["ade.example.org"]
    client = Client(headers={"Host": "10.1.2.3:8283"})
    assert client.get(path).status_code == 200
    assert client.get("/agents/").status_code == 400 or client.get("/agents/").status_code == 301


def test_it_lives_without_a_database() -> None:
    # No mark: pytest-django lets no query through.
    assert Client().get("/healthz").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_it_is_not_ready_while_a_migration_is_missing() -> None:
    assert Client().get("/readyz").status_code == 200
    last = MigrationRecorder(connection).migration_qs.filter(app="agents").latest("name")
    last.delete()
    try:
        response = Client().get("/readyz")
    finally:
        last.save()
    reason = f"Migrations are missing: agents.{last.name}."
    assert (response.status_code, response.json()) == (
        503,
        {"status": "not ready", "reason": reason},
    )
    assert Client().get("/readyz").status_code == 200


@pytest.mark.django_db
def test_a_probe_costs_one_query_once_all_migrations_were_there(
    django_assert_num_queries: object,
) -> None:
    client = Client()
    client.get("/readyz")
    with django_assert_num_queries(0):  # none on the connections of the requests
        client.get("/readyz")

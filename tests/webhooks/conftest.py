"""A receiver on this machine, which the settings allow, and a clock."""

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
import time_machine
from pytest_django import Settings

from tests.webhooks.receiver import Receiver, receiver


@pytest.fixture(autouse=True)
def allowed(settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.1/32")]
    settings.WEBHOOK_ALLOW_HTTP = True


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Time that stands still until a test moves it."""
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=False) as traveller:
        yield traveller

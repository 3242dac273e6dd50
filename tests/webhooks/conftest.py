"""A receiver on this machine, which the settings allow."""

from collections.abc import Iterator
from ipaddress import ip_network

import pytest
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

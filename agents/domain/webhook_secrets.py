"""The secrets of webhooks, and what they sign: as https://www.standardwebhooks.com says.

A secret is derived from the webhook's salt and the SECRET_KEY and kept nowhere: who reads the
database alone, or a backup of it, cannot sign. The scheme is these ten lines; its own library is
made for receivers, and the tests are one.
"""

import base64
import hmac

from django.conf import settings
from django.utils import timezone

from agents.models import Webhook

# So that scanners for leaked secrets can find one.
PREFIX = "whsec_"


def secret_of(hook: Webhook) -> str:
    """The secret as its owner sees it, once."""
    return PREFIX + base64.b64encode(_derived(hook, hook.salt, settings.SECRET_KEY)).decode()


def signatures(hook: Webhook, *, delivery_id: str, timestamp: int, body: bytes) -> str:
    """The header that proves who sends. `timestamp` is in seconds since 1970.

    One signature for each secret that is good: of the last day, and by former SECRET_KEYs.
    """
    salts = [hook.salt]
    if hook.old_until is not None and hook.old_until > timezone.now():
        salts.append(hook.old_salt)
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return " ".join(
        "v1," + base64.b64encode(hmac.digest(_derived(hook, salt, key), signed, "sha256")).decode()
        for salt in salts
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    )


def _derived(hook: Webhook, salt: str, key: str) -> bytes:
    about = f"webhook secret {hook.public_id} {salt}"
    return hmac.digest(key.encode(), about.encode(), "sha256")

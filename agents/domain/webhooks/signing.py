"""Webhook secrets and signatures, as specified at https://www.standardwebhooks.com.

A secret is derived from the webhook's salt and the SECRET_KEY and not stored, so nobody can sign with
the database or a backup alone. The scheme takes ten lines. Its library is made for receivers, and the
tests use it as one.
"""

import base64
import hmac

from django.conf import settings
from django.utils import timezone

from agents.models import Webhook

# Scanners for leaked secrets recognise this prefix.
PREFIX = "whsec_"


def secret_of(hook: Webhook) -> str:
    """Return the secret in the form that is shown once to the person who made the webhook."""
    return PREFIX + base64.b64encode(_derived(hook, hook.salt, settings.SECRET_KEY)).decode()


def signatures(hook: Webhook, *, delivery_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature header. `timestamp` is in seconds since 1970.

    It has one signature for each valid secret: the current one, one replaced within the last day, and
    each of these with the former SECRET_KEYs.
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

"""The tokens of sources, encrypted.

A sealed token is bound to its source and to the kind, scheme, host and port of the address. A person
who can write to the database cannot make ADE send it elsewhere. The keys are `SOURCE_KEYS`: the first
encrypts, all decrypt. They are not in the database, so neither a copy of it nor a backup is enough.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from agents.core.actors import Actor
from agents.core.errors import Invalid
from agents.domain.core.transactions import write
from agents.domain.sources.rights import require_admin
from agents.models import AgentSource
from agents.net.connectors.address import place_of
from agents.net.connectors.base import Denied

_FORM = b"\x01"  # the first byte of a sealed token: the form that follows
_NONCE_BYTES = 12


class TokenUnreadable(Denied):
    """The token was sealed with another key, or for another source or address."""


def seal(token: str, *, source_id: int, kind: str, url: str) -> bytes:
    """Encrypt a token for one source and address. Raises Invalid."""
    if not settings.SOURCE_KEYS:
        raise Invalid(
            "ADE cannot store a token yet. Set SOURCE_KEYS and start ADE again.", field="token"
        )
    nonce = secrets.token_bytes(_NONCE_BYTES)
    cipher = AESGCM(_key(settings.SOURCE_KEYS[0]))
    return _FORM + nonce + cipher.encrypt(nonce, token.encode(), _bound_to(source_id, kind, url))


def unseal(sealed: bytes, *, source_id: int, kind: str, url: str) -> str:
    """Decrypt a token. Raises TokenUnreadable."""
    form, nonce = sealed[:1], sealed[1 : 1 + _NONCE_BYTES]
    if form == _FORM and len(nonce) == _NONCE_BYTES:
        for key in settings.SOURCE_KEYS:
            try:
                text = AESGCM(_key(key)).decrypt(
                    nonce, sealed[1 + _NONCE_BYTES :], _bound_to(source_id, kind, url)
                )
            except InvalidTag:
                continue
            return text.decode()
    raise TokenUnreadable("ADE cannot read the token of this source. Enter the token again.")


def token_of(source: AgentSource) -> str | None:
    """The token of a source; None if it has none. Raises TokenUnreadable."""
    if source.sealed_token is None:
        return None
    return unseal(bytes(source.sealed_token), source_id=source.pk, kind=source.kind, url=source.url)


@write
def rekey(*, actor: Actor) -> tuple[int, list[str]]:
    """Encrypt all tokens with the first of `SOURCE_KEYS`.

    Returns how many were encrypted, and the names of sources whose token cannot be read. Raises
    NotAllowed, and Invalid without a key.
    """
    require_admin(actor, "change the keys of sources")
    done, unreadable = 0, []
    sources = AgentSource.objects.select_for_update().exclude(sealed_token=None).order_by("id")
    for source in sources:
        try:
            token = token_of(source)
        except TokenUnreadable:
            unreadable.append(source.name)
            continue
        if token is not None:
            source.sealed_token = seal(token, source_id=source.pk, kind=source.kind, url=source.url)
            source.save(update_fields=["sealed_token"])
            done += 1
    return done, unreadable


def _bound_to(source_id: int, kind: str, url: str) -> bytes:
    # A new row has the kind as a member of an enumeration, a stored one as text.
    return repr(("ade source token", source_id, *place_of(str(kind), url))).encode()


def _key(text: str) -> bytes:
    """An AES key from a text of any length. The text is random, so no slow function is needed."""
    return HKDF(SHA256(), 32, salt=None, info=b"ade source token").derive(text.encode())

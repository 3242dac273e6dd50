"""Numbers of changes as a limited actor sees them.

Each change of anybody takes the next number, so the difference of two numbers tells how much others do.
A limited actor sees other numbers, which only ADE can turn back, and each actor its own.
"""

import hashlib
import hmac

from django.utils.crypto import salted_hmac

from agents.core.actors import Actor

_HALF = 29  # bits: both halves have 18 digits at most, as addresses and forms take them
_MASK = (1 << _HALF) - 1
_ROUNDS = 4


def shown_number(number: int, actor: Actor) -> int:
    """The number that stands for this one on the actor's pages."""
    if not actor.limited:
        return number
    key = _key(actor)
    left, right = number >> _HALF, number & _MASK
    for each in range(_ROUNDS):
        left, right = right, left ^ _mixed(right, each, key)
    return left << _HALF | right


def real_number(number: int, actor: Actor) -> int:
    """The number for which this one stands on the actor's pages; any other for one that stands for none."""
    if not actor.limited or number >> 2 * _HALF:
        return number
    key = _key(actor)
    left, right = number >> _HALF, number & _MASK
    for each in reversed(range(_ROUNDS)):
        left, right = right ^ _mixed(left, each, key), left
    return left << _HALF | right


def _key(actor: Actor) -> bytes:
    return salted_hmac("agents.domain.core.numbers", actor.id, algorithm="sha256").digest()


def _mixed(half: int, each: int, key: bytes) -> int:
    text = half.to_bytes(4) + bytes([each])
    return int.from_bytes(hmac.digest(key, text, hashlib.sha256)[:4]) & _MASK

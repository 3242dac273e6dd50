"""The ETag of an agent: from its version and its tag texts, the same for every `include`."""

import hashlib
from collections.abc import Iterable


def etag_of(public_id: str, version: int, tags: Iterable[str]) -> str:
    """A strong ETag. A rename moves no agent's version, so the texts count as well."""
    digest = hashlib.sha256(f"{public_id}\0{version}".encode())
    for tag in sorted(tags):
        digest.update(b"\0" + tag.encode())
    return f'"{digest.hexdigest()[:32]}"'


def matches(if_match: str, etag: str) -> bool:
    """True if an If-Match header names this ETag; `*` names every one, a weak one names none."""
    return any(part.strip() in ("*", etag) for part in if_match.split(","))

"""ETags: of an agent, from its version and its tag texts; of a list, from what was answered."""

import hashlib
from collections.abc import Iterable


def etag_of(public_id: str, version: int, tags: Iterable[str]) -> str:
    """Return a strong ETag. Renaming a tag does not change the version, so the tag texts count too."""
    digest = hashlib.sha256(f"{public_id}\0{version}".encode())
    for tag in sorted(tags):
        digest.update(b"\0" + tag.encode())
    return f'"{digest.hexdigest()[:32]}"'


def etag_of_list(content: bytes, link: str) -> str:
    """A strong ETag of one page of a list, with its link to the next page.

    It is made of nothing but the answer, so it says no more than the answer does.
    """
    digest = hashlib.sha256(link.encode() + b"\0" + content)
    return f'"{digest.hexdigest()[:32]}"'

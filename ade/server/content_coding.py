"""Content codings: which one a client wants, and how an answer is compressed."""

import gzip
import zlib
from collections.abc import Iterable, Iterator

import brotli

GZIP, BROTLI = "gzip", "br"
_OURS = (BROTLI, GZIP)  # brotli first: at these levels it is as fast and smaller
_LEVEL = 4  # of both
_WINDOW = 18  # of brotli, as a power of two: pages are smaller, and a larger window costs memory


def chosen(accept: str, *, small: bool = False) -> str:
    """The coding for an Accept-Encoding header, or "" to send the answer as it is.

    A small answer is sent as it is wherever the client takes that.
    """
    asked = _asked(accept)
    any_other = asked.get("*", 0.0)
    found = {coding: asked.get(coding, any_other) for coding in _OURS}
    best = max(_OURS, key=lambda coding: found[coding])
    # Not named, plain is always taken, but least wanted.
    plain = asked.get("identity", asked.get("*"))
    if not found[best] or (small and plain != 0):
        return ""
    named = asked.get("identity", 0.0)
    return best if found[best] >= named else ""


def _asked(accept: str) -> dict[str, float]:
    asked = {}
    for part in accept.lower().split(","):
        name, *parameters = (text.strip() for text in part.split(";"))
        if name:
            asked["gzip" if name == "x-gzip" else name] = _quality(parameters)
    return asked


def _quality(parameters: list[str]) -> float:
    """The weight; 0 where it cannot be read."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return 0.0
            return quality if 0 <= quality <= 1 else 0.0
    return 1.0


def compressed(content: bytes, coding: str) -> bytes:
    """The whole content at once."""
    if coding == GZIP:
        return gzip.compress(content, compresslevel=_LEVEL, mtime=0)
    return bytes(brotli.compress(content, quality=_LEVEL, lgwin=_WINDOW))


def compressed_parts(parts: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """Each part compressed and flushed, so that no more than one of them is held."""
    if coding == GZIP:
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        for part in parts:
            yield packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH)
        yield packer.flush()
        return
    pressed = brotli.Compressor(quality=_LEVEL, lgwin=_WINDOW)
    for part in parts:
        yield pressed.process(part) + pressed.flush()
    yield pressed.finish()

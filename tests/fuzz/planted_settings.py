"""A server that is broken on purpose: no template escapes anything."""

from tests.live_settings import *  # noqa: F403

TEMPLATES[0]["OPTIONS"]["autoescape"] = False  # type: ignore[name-defined]  # noqa: F405

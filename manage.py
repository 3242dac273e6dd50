#!/usr/bin/env python
"""Django's command line for ADE."""

import os
import sys
from pathlib import Path

# `make run` made them, for the database that is taken where nothing else is said.
_DATA = Path(__file__).resolve().parent / "data"
_SECRET, _SOURCE_KEY = _DATA / "secret_key", _DATA / "source_key"
_SAYS_OTHERWISE = ("SECRET_KEY", "DATABASE_URL", "DEBUG")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ade.settings")
    said = any(name in os.environ or f"{name}_FILE" in os.environ for name in _SAYS_OTHERWISE)
    if not said and _SECRET.is_file():
        os.environ["SECRET_KEY_FILE"] = str(_SECRET)
        # As bin/run does, so that a source added here is one that the server can use.
        os.environ.setdefault("SOURCE_ALLOWED_NETWORKS", "127.0.0.0/8,::1/128")
        if "SOURCE_KEYS" not in os.environ and _SOURCE_KEY.is_file():
            os.environ.setdefault("SOURCE_KEYS_FILE", str(_SOURCE_KEY))
    try:
        from ade.ops.startup import load_settings
    except ModuleNotFoundError:
        sys.exit("Django is not installed for this Python: run .venv/bin/python manage.py")
    load_settings()
    from ade.ops.commands import run

    run(sys.argv)


if __name__ == "__main__":
    main()

#!/usr/bin/env python
"""Django's command line for ADE."""

import os
import sys
from pathlib import Path

# `make run` made it, for the database that is taken where nothing else is said.
_SECRET = Path(__file__).resolve().parent / "data" / "secret_key"
_SAYS_OTHERWISE = ("SECRET_KEY", "DATABASE_URL", "DEBUG")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ade.settings")
    said = any(name in os.environ or f"{name}_FILE" in os.environ for name in _SAYS_OTHERWISE)
    if not said and _SECRET.is_file():
        os.environ["SECRET_KEY_FILE"] = str(_SECRET)
    try:
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError:
        sys.exit("Django is not installed for this Python: run .venv/bin/python manage.py")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

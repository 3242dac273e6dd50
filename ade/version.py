"""Which ADE this is."""

import tomllib

from django.conf import settings

# ADE runs from its checkout, so the version stands in one place.
VERSION: str = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text("utf-8"))["project"][
    "version"
]

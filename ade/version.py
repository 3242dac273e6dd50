"""The version of ADE."""

import tomllib

from django.conf import settings

# The release of Letta whose API ADE implements. Clients compare it with Letta's releases.
LETTA_VERSION = "0.16.8"
# ADE runs from its checkout, so pyproject.toml is the only place of the version.
VERSION: str = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text("utf-8"))["project"][
    "version"
]

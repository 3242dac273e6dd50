"""Commands, the worker and the server report wrong settings in one sentence."""

import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from environs import EnvError

# Errors of a wrong value. Any other error is a mistake in the code.
_WRONG_VALUES = (ImproperlyConfigured, EnvError, ValueError, OSError)


def load_settings() -> None:
    """Read the settings. If one is wrong, end the program with a sentence that names it."""
    try:
        _ = settings.INSTALLED_APPS
    except _WRONG_VALUES as error:
        sys.exit(f"ADE cannot start: {' '.join(str(error).split())}")

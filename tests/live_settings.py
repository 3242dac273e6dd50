"""The settings of the running server that browser tests visit."""

from ade.settings import *  # noqa: F403  # production's, but for what is here

# Tests ask more than people do; those of the limits set their own.
RATE_PER_CALLER = env.int("RATE_PER_CALLER", 0)  # noqa: F405
RATE_PER_ADDRESS = env.int("RATE_PER_ADDRESS", 0)  # noqa: F405

# Hashed names as in production, so that a page which names a missing file fails; not compressed as
# well, which takes seconds.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}

"""The settings of the running server that browser tests visit."""

from ade.settings import *  # noqa: F403  # production's, but for what is here

# Hashed names as in production, so that a page which names a missing file fails; not compressed as
# well, which takes seconds.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}

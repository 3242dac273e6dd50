"""The WSGI entry point: `granian --interface wsgi ade.wsgi:application`."""

import logging
import os
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.core.wsgi import get_wsgi_application

from ade.ops.startup import load_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ade.settings")
load_settings()

# These read the settings, so they come after them.
from ade.db import statement_timeout  # noqa: E402
from ade.ops import runtime_folder  # noqa: E402
from ade.server import parent_death, sockets  # noqa: E402

runtime_folder.serving()  # before anything that imports ade.ops.metrics
sockets.raise_descriptor_limit()

from ade.ops import noted_use, probes  # noqa: E402
from ade.server import descriptors  # noqa: E402
from ade.server.application import Application  # noqa: E402


def _import_all_for_probes() -> None:
    """Answer a probe once. Without a file descriptor a process could not import what this takes."""
    environ: dict[str, Any] = {"PATH_INFO": "/healthz"}
    setup_testing_defaults(environ)
    logging.disable(logging.INFO)  # no line in the log for a request that nobody sent
    list(_django(environ, lambda *_: lambda _data: None))
    logging.disable(logging.NOTSET)


_django = get_wsgi_application()
application = Application(_django)
_import_all_for_probes()
statement_timeout.begin()
noted_use.begin()
descriptors.begin()
parent_death.end_with_parent()
probes.look_at_start()

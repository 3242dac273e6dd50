"""The WSGI entry point: `granian --interface wsgi ade.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

from ade import patience, runtime, sockets

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ade.settings")
runtime.serving()
sockets.allow_many()

from ade.serving import Served  # noqa: E402  # it counts, which begins after that

application = Served(get_wsgi_application())
patience.begin()

"""The WSGI entry point: `granian --interface wsgi ade.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

from ade import patience, runtime

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ade.settings")
runtime.serving()

application = get_wsgi_application()
patience.begin()

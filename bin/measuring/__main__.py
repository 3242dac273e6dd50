"""The entry to `measuring.inside`, whose imports want Django to be set up before."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ade.settings")
django.setup()

from measuring import inside  # noqa: E402

inside.main()

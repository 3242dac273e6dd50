"""The Django app of members and operations."""

import sys
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.backends.signals import connection_created


class AdeConfig(AppConfig):
    name = "ade"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ade.accounts import session_limits
        from ade.db import statement_timeout
        from ade.ops import metrics, outage

        connection_created.connect(metrics.watch)
        connection_created.connect(outage.watch)
        if sys.argv[1:2] == ["db_worker"]:
            statement_timeout.begin_worker()

        def signed_in(request: Any, **_: object) -> None:
            session_limits.begin(request.session)

        user_logged_in.connect(signed_in, weak=False, dispatch_uid="ade.session_limits")

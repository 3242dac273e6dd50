"""The app of those who sign in."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class AdeConfig(AppConfig):
    name = "ade"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ade import metrics

        connection_created.connect(metrics.watch)

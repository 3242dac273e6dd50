"""The agents app."""

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "agents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Not imported at the top: models are ready only now.
        from ade.accounts.claims import on_claims
        from ade.accounts.members import on_change
        from agents.api.door.cors import allow_pages_of_tokens
        from agents.domain.core.access_spans import note_member
        from agents.domain.members import follow_claims

        on_claims(follow_claims)
        on_change(note_member)
        allow_pages_of_tokens()

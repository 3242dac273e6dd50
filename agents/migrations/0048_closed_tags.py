"""Note on tags whether they are closed, and close those that off-boarded users' agents carry already."""

from django.db import migrations, models
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from ade.db.indexes import AddIndexBeside


def close(apps, schema_editor):
    """Close the tags of users who were off-boarded some days ago, except those that are just ending."""
    watching = apps.get_model("agents", "Offboarding").objects.filter(
        watched_until__gt=timezone.now(), opened_at=None
    )
    newest = watching.filter(name=OuterRef("name")).order_by("-created_at")
    apps.get_model("agents", "Tag").objects.filter(
        name__in=watching.values("name"), ends_in=None
    ).update(closed_until=Subquery(newest.values("watched_until")[:1]))


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("agents", "0047_two_owners_in_inbox"),
    ]

    operations = [
        migrations.AddField("tag", "closed_until", models.DateTimeField(null=True)),
        AddIndexBeside(
            model_name="tag",
            index=models.Index(
                condition=Q(closed_until__isnull=False),
                fields=["closed_until"],
                name="tag_closed",
            ),
        ),
        migrations.RunPython(close, migrations.RunPython.noop),
    ]

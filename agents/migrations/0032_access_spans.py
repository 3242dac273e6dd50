from typing import Any

from django.db import migrations, models
from django.utils import timezone

import agents.models.fields
from agents.core.reach import of_columns, read_reach


def begin(apps: Any, schema_editor: Any) -> None:
    """Begin a span for everything that a key or a member can access now, and note since when.

    Where nobody could access anything before, every access is recorded, and there is nothing to note.
    """
    known = [("agents", "ChangeSet"), ("agents", "ApiKey"), ("ade", "User")]
    if not any(apps.get_model(*one).objects.exists() for one in known):
        return
    now = timezone.now()
    span = apps.get_model("agents", "AccessSpan")
    span.objects.create(subject="", name="", rights="", since=now, until=now)
    keys = apps.get_model("agents", "ApiKey").objects.filter(disabled_at=None)
    people = apps.get_model("ade", "User").objects.filter(is_active=True)
    rows = (
        {
            "subject": f"key:{key.key_id}",
            "name": key.name,
            "rights": key.scope,
            "expires_at": key.expires_at,
            **part,
        }
        for key in keys.iterator(chunk_size=1000)
        for part in _parts(of_columns(key.limit_tag, key.stored_reach))
    )
    more = (
        {
            "subject": f"person:{user.pk}",
            "name": user.first_name or user.username,
            "rights": user.role,
            **part,
        }
        for user in people.iterator(chunk_size=1000)
        for part in _parts(read_reach(user.stored_reach))
    )
    for some in (rows, more):
        batch: list[Any] = []
        for columns in some:
            batch.append(span(since=now, **columns))
            if len(batch) == 1000:
                span.objects.bulk_create(batch)
                batch = []
        span.objects.bulk_create(batch)


def _parts(reach: Any) -> list[dict[str, str]]:
    if reach.everything:
        return [{}]
    return [{"tag": tag} for tag in reach.tags] + [{"agent_id": one} for one in reach.agents]


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0031_access_tokens"),
        ("ade", "0006_reach"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccessSpan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subject", agents.models.fields.ExactTextField()),
                ("name", agents.models.fields.ExactTextField()),
                ("rights", models.CharField(max_length=16)),
                ("tag", agents.models.fields.ExactTextField(null=True)),
                ("agent_id", agents.models.fields.ExactTextField(null=True)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddIndex(
            model_name="accessspan",
            index=models.Index(fields=["subject", "since"], name="access_by_subject"),
        ),
        migrations.AddIndex(
            model_name="accessspan",
            index=models.Index(
                condition=models.Q(("tag__isnull", False)),
                fields=["tag", "since"],
                name="access_by_tag",
            ),
        ),
        migrations.AddIndex(
            model_name="accessspan",
            index=models.Index(
                condition=models.Q(("agent_id__isnull", False)),
                fields=["agent_id", "since"],
                name="access_by_agent",
            ),
        ),
        migrations.AddIndex(
            model_name="accessspan",
            index=models.Index(
                condition=models.Q(("agent_id__isnull", True), ("tag__isnull", True)),
                fields=["since"],
                name="access_to_all",
            ),
        ),
        migrations.AlterField(
            model_name="changeset",
            name="act",
            field=models.CharField(
                choices=[
                    ("create", "created"),
                    ("tags", "changed tags"),
                    ("fields", "edited"),
                    ("delete", "deleted"),
                    ("import", "imported"),
                    ("undo", "undid"),
                    ("blocks", "edited memory"),
                    ("key", "changed an API key"),
                    ("identity", "changed an identity"),
                    ("rename", "renamed a tag"),
                    ("merge", "merged a tag"),
                    ("tag-delete", "deleted a tag"),
                    ("describe", "described a tag"),
                    ("offboard", "off-boarded a user"),
                    ("erase", "erased a name"),
                    ("restore", "restored"),
                    ("purge", "deleted for good"),
                    ("webhook", "changed a webhook"),
                    ("view-as", "viewed the list as a key or member"),
                    ("source", "changed a source"),
                ],
                max_length=16,
            ),
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
    ]

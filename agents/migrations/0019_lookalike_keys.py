from django.db import migrations, transaction

from agents.core.lookalikes import LOOKALIKE_VERSION, lookalike_key

_BATCH = 500
# The name again: a tag may have been renamed since it was read.
_UPDATE = (
    "UPDATE agents_tag SET lookalike = %s, lookalike_version = %s"
    " WHERE id = %s AND name = %s AND lookalike_version < %s"
)


def compute_again(apps, schema_editor):
    """Compute look-alike keys of an older version again, in short transactions.

    A run that was interrupted goes on where it stopped: what is done carries the new version.
    """
    connection = schema_editor.connection
    tags = apps.get_model("agents", "Tag").objects.using(connection.alias)
    last = 0
    while True:
        old = tags.filter(lookalike_version__lt=LOOKALIKE_VERSION, id__gt=last).order_by("id")
        rows = list(old.values_list("id", "name")[:_BATCH])
        if not rows:
            return
        found = [
            (lookalike_key(name), LOOKALIKE_VERSION, tag, name, LOOKALIKE_VERSION)
            for tag, name in rows
        ]
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.executemany(_UPDATE, found)
        last = rows[-1][0]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("agents", "0018_lookalike_version"),
    ]

    operations = [
        migrations.RunPython(compute_again, migrations.RunPython.noop),
    ]

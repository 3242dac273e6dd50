from django.db import migrations, transaction

from agents.core.natural_order import natural_key

_BATCH = 500
# The name again: a tag may have been renamed since it was read.
_UPDATE = "UPDATE agents_tag SET sort_key = %s WHERE id = %s AND name = %s AND sort_key = ''"


def compute(apps, schema_editor):
    """Compute the place of each tag in natural order, in short transactions.

    A run that was interrupted goes on where it stopped. What the version before writes meanwhile is
    computed by the worker.
    """
    connection = schema_editor.connection
    tags = apps.get_model("agents", "Tag").objects.using(connection.alias)
    last = 0
    while True:
        without = tags.filter(sort_key="", id__gt=last).order_by("id")
        rows = list(without.values_list("id", "name")[:_BATCH])
        if not rows:
            return
        found = [(natural_key(name), tag, name) for tag, name in rows]
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.executemany(_UPDATE, found)
        last = rows[-1][0]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("agents", "0036_natural_order"),
    ]

    operations = [
        migrations.RunPython(compute, migrations.RunPython.noop),
    ]

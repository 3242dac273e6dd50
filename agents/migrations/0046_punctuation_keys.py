from importlib import import_module

from django.db import migrations

# The rule for look-alike keys changed since the migration that computes them.
earlier = import_module("agents.migrations.0019_lookalike_keys")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("agents", "0045_trash_follows_undo"),
    ]

    operations = [
        migrations.RunPython(earlier.compute_again, migrations.RunPython.noop),
    ]

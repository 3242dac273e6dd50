"""The manager of members is not part of the schema any more. This changes no table."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("ade", "0006_reach"),
    ]

    operations = [
        migrations.AlterModelManagers(
            name="user",
            managers=[],
        ),
    ]

from django.db import migrations, models

from ade.db.columns import AddColumn


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0019_lookalike_keys"),
    ]

    operations = [
        AddColumn(
            model_name="agent",
            name="hidden",
            field=models.BooleanField(default=False, db_default=False),
        ),
    ]

from django.db import migrations, models

from ade.db.columns import AddColumn


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0017_noted_lines"),
    ]

    operations = [
        AddColumn(
            model_name="tag",
            name="lookalike_version",
            field=models.PositiveSmallIntegerField(db_default=1, default=1),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0038_gone_at_sources"),
    ]

    operations = [
        migrations.AddField(
            model_name="change",
            name="span_node",
            field=models.IntegerField(null=True),
        ),
    ]

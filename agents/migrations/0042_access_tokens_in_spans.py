from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0041_alerts"),
    ]

    operations = [
        migrations.AddField(
            model_name="accessspan",
            name="only",
            field=models.CharField(max_length=100, null=True),
        ),
        migrations.AddField(
            model_name="accessspan",
            name="from_key",
            field=models.CharField(max_length=64, null=True),
        ),
    ]

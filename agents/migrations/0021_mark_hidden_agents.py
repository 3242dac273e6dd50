from django.db import migrations, transaction

_BATCH = 5000


def mark(apps, schema_editor):
    """Mark the agents whose wide part says that they are hidden.

    Agents are read in batches outside a transaction, so that on SQLite nobody waits for the reading.
    """
    database = schema_editor.connection.alias
    agents = apps.get_model("agents", "Agent").objects.using(database)
    details = apps.get_model("agents", "AgentDetail").objects.using(database)
    hidden = details.filter(extra__contains='"hidden":true')
    last = -(2**63)
    while True:
        after = details.filter(agent_id__gt=last).order_by("agent_id")
        keys = list(after.values_list("agent_id", flat=True)[:_BATCH])
        if not keys:
            return
        found = hidden.filter(agent_id__gt=last, agent_id__lte=keys[-1])
        if marked := list(found.values_list("agent_id", flat=True)):
            with transaction.atomic(using=database):
                still = hidden.filter(agent_id__in=marked)
                agents.filter(seq__in=still.values("agent_id")).update(hidden=True)
        last = keys[-1]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("agents", "0020_agent_hidden"),
    ]

    operations = [
        migrations.RunPython(mark, migrations.RunPython.noop),
    ]

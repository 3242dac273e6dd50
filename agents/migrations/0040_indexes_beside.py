"""Indexes of large tables, made while others write to these tables."""

from django.db import migrations, models
from django.db.models import Q

from ade.db.indexes import AddIndexBeside, DropIndexIfThere

_WITH_SPAN = Q(("span_node__isnull", False))


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("agents", "0039_change_spans"),
    ]

    operations = [
        AddIndexBeside(
            model_name="tag",
            index=models.Index(
                condition=models.Q(("ends_in__isnull", False)), fields=["ends_in"], name="tag_ends"
            ),
        ),
        AddIndexBeside(
            model_name="agent",
            index=models.Index(
                condition=models.Q(("hidden", True)), fields=["seq"], name="agent_hidden"
            ),
        ),
        AddIndexBeside(
            model_name="tag",
            index=models.Index(
                condition=models.Q(("n__gt", 0)), fields=["lookalike"], name="tag_alike_used"
            ),
        ),
        AddIndexBeside(
            model_name="tag",
            index=models.Index(
                fields=["names_user", "-n", "sort_key", "id"], name="tag_in_order_of_use"
            ),
        ),
        AddIndexBeside(
            model_name="tag",
            index=models.Index(fields=["names_user", "sort_key", "id"], name="tag_in_order"),
        ),
        AddIndexBeside(
            model_name="tag",
            index=models.Index(
                condition=models.Q(("protected", True)),
                fields=["names_user", "-n", "sort_key", "id"],
                name="tag_guarded",
            ),
        ),
        DropIndexIfThere(model_name="change", name="change_tag_span"),
        AddIndexBeside(
            model_name="agenttag",
            index=models.Index(fields=["tag", "added_at", "agent"], name="agent_tag_by_time"),
        ),
        AddIndexBeside(
            model_name="change",
            index=models.Index(
                condition=_WITH_SPAN,
                fields=["tag", "span_node", "at", "id"],
                name="change_span_end",
            ),
        ),
        AddIndexBeside(
            model_name="change",
            index=models.Index(
                condition=_WITH_SPAN,
                fields=["tag", "span_node", "added_at", "id"],
                name="change_span_begin",
            ),
        ),
        AddIndexBeside(
            model_name="change",
            index=models.Index(
                condition=Q(
                    ("agent_id__isnull", False),
                    ("op__in", ["remove", "delete"]),
                    ("span_node__isnull", True),
                ),
                fields=["id"],
                name="change_without_span",
            ),
        ),
        AddIndexBeside(
            model_name="change",
            index=models.Index(
                condition=Q(("agent_id__isnull", False), ("op", "create")),
                fields=["at", "id"],
                name="change_birth",
            ),
        ),
    ]

"""The addresses of the pages. A tag never stands in a path: browsers and proxies rewrite paths."""

from django.urls import path

from agents.views import crossings, keys, members, memory, saved_views, webhooks
from agents.views.access import actors as access_actors
from agents.views.access import pages as access
from agents.views.agents import delete, json_tab, new, owner, settings, step, summary, trash
from agents.views.agents import list as agent_list
from agents.views.bulk import from_csv as bulk_from_csv
from agents.views.bulk import pages as bulk
from agents.views.bulk import selection as bulk_selection
from agents.views.core import search_box
from agents.views.directory import list as directory
from agents.views.directory import many as many_tags
from agents.views.directory import plans as tag_plans
from agents.views.directory import tag as one_tag
from agents.views.directory import watch
from agents.views.history import agent as agent_history
from agents.views.history import pages as history
from agents.views.overview import page as start
from agents.views.sources import inbox as source_inbox
from agents.views.sources import pages as sources
from agents.views.sources import plans as source_plans
from agents.views.tags import changes as tag_changes
from agents.views.tags import row_editor, suggestions
from agents.views.transfer import agent_file, export
from agents.views.users import offboard
from agents.views.users import pages as users

urlpatterns = [
    path("", start.overview, name="overview"),
    path("agents/", agent_list.agents, name="agents"),
    path("go/", search_box.go, name="go"),
    path("go/suggest/", search_box.suggestions, name="go-suggest"),
    path("agents/count/", agent_list.count, name="agent-count"),
    path("agents/export.csv", export.export, name="agent-export"),
    path("agents/export.zip", export.export_zip, name="agent-export-zip"),
    path("agents/new/", new.new_agent, name="agent-new"),
    path("agents/upload/", agent_file.upload, name="agent-upload"),
    path("agents/<str:agent_id>/", summary.summary, name="agent"),
    path("agents/<str:agent_id>/step/", step.step, name="agent-step"),
    path("agents/<str:agent_id>/delete/", delete.delete, name="agent-delete"),
    path("agents/<str:agent_id>/file/", agent_file.download, name="agent-file"),
    path("agents/<str:agent_id>/settings/", settings.settings, name="agent-settings"),
    path("agents/<str:agent_id>/recent/", settings.recent, name="agent-recent"),
    path("agents/<str:agent_id>/source/", summary.source_line, name="agent-source"),
    path("agents/<str:agent_id>/access/", access.agent, name="agent-access"),
    path("agents/<str:agent_id>/access.csv", access.agent_csv, name="agent-access-csv"),
    path("access/tag/", access.tag, name="access-tag"),
    path("access/tag.csv", access.tag_csv, name="access-tag-csv"),
    path("access/actor/", access_actors.actor, name="access-actor"),
    path("access/view-as/", access_actors.view_as, name="access-view-as"),
    path("agents/<str:agent_id>/memory/", memory.memory, name="agent-memory"),
    path("agents/<str:agent_id>/memory/add/", memory.add, name="agent-memory-add"),
    path("agents/<str:agent_id>/memory/remove/", memory.remove, name="agent-memory-remove"),
    path("agents/<str:agent_id>/history/", agent_history.history, name="agent-history"),
    path("agents/<str:agent_id>/json/", json_tab.agent_json, name="agent-json"),
    path("agents/<str:agent_id>/tags/", tag_changes.add, name="agent-tags"),
    path("agents/<str:agent_id>/tags/remove/", tag_changes.remove, name="agent-tags-remove"),
    path("agents/<str:agent_id>/tags/move/", tag_changes.move, name="agent-tags-move"),
    path("agents/<str:agent_id>/owner/", owner.owner, name="agent-owner"),
    path("agents/<str:agent_id>/shared/", owner.shared, name="agent-shared"),
    path("agents/<str:agent_id>/tags/undo/", tag_changes.undo_change, name="agent-tags-undo"),
    path("agents/<str:agent_id>/tags/news/", tag_changes.news, name="agent-tags-news"),
    path("agents/<str:agent_id>/tags/editor/", row_editor.row_editor, name="agent-tags-editor"),
    path("agents/<str:agent_id>/tags/row/", row_editor.row_tags, name="agent-tags-row"),
    path("tags/suggest/", suggestions.suggest, name="tag-suggest"),
    path("tags/", directory.tags, name="tags"),
    path("tags/lookalikes/", directory.look_alikes, name="tag-lookalikes"),
    path("tags/export.csv", directory.export, name="tags-export"),
    path("tags/one/", one_tag.tag, name="tag"),
    path("tags/many/", many_tags.many, name="tags-many"),
    path("tags/watch/", watch.watching, name="tag-watch"),
    path("tags/rename/", tag_plans.rename, name="tag-rename"),
    path("tags/merge/", tag_plans.merge, name="tag-merge"),
    path("tags/delete/", tag_plans.delete, name="tag-delete"),
    path("users/", users.users, name="users"),
    path("users/one/", users.user, name="user"),
    path("users/offboard/", offboard.off_board, name="user-offboard"),
    path("users/receipts/<uuid:offboarding_id>/", offboard.receipt_page, name="user-receipt"),
    path(
        "users/receipts/<uuid:offboarding_id>/receipt.json",
        offboard.receipt_json,
        name="user-receipt-json",
    ),
    path(
        "users/receipts/<uuid:offboarding_id>/check/",
        offboard.receipt_check,
        name="user-receipt-check",
    ),
    path(
        "users/receipts/<uuid:offboarding_id>/open/",
        offboard.receipt_open,
        name="user-receipt-open",
    ),
    path("trash/", trash.trash, name="trash"),
    path("memory/unused/", memory.unused, name="memory-unused"),
    path("crossings/", crossings.crossings, name="crossings"),
    path("crossings/undo/", crossings.undo, name="crossing-undo"),
    path("crossings/continue/", crossings.go_on, name="crossing-continue"),
    path("crossings/meant/", crossings.meant, name="crossing-meant"),
    path("crossings/<str:block_id>/", crossings.separation, name="crossing-separate"),
    path("history/", history.history, name="history"),
    path("history/people/", history.suggest_people, name="history-people"),
    path("history/<int:change_set_id>/", history.change_set, name="change-set"),
    path("history/<int:change_set_id>/undo/", history.undo, name="change-set-undo"),
    path("history/<int:change_set_id>/receipt.csv", history.receipt, name="change-set-receipt"),
    path("bulk/", bulk.runs, name="bulk"),
    path("bulk/new/", bulk.new, name="bulk-new"),
    path("bulk/csv/", bulk_from_csv.csv_in, name="bulk-csv"),
    path("bulk/selection/", bulk_selection.selection, name="bulk-selection"),
    path("bulk/<uuid:plan_id>/", bulk.plan, name="bulk-plan"),
    path("bulk/<uuid:plan_id>/apply/", bulk.apply, name="bulk-apply"),
    path("bulk/<uuid:plan_id>/revise/", bulk.revise, name="bulk-revise"),
    path("bulk/<uuid:plan_id>/stop/", bulk.stop, name="bulk-stop"),
    path("bulk/<uuid:plan_id>/resume/", bulk.resume, name="bulk-resume"),
    path("bulk/<uuid:plan_id>/undo/", bulk.undo, name="bulk-undo"),
    path("bulk/<uuid:plan_id>/results/", bulk.results, name="bulk-results"),
    path("bulk/<uuid:plan_id>/refused.csv", bulk.refused, name="bulk-refused"),
    path("sources/", sources.sources, name="sources"),
    path("sources/inbox/", source_inbox.inbox, name="source-inbox"),
    path("sources/inbox/<int:item_id>/", source_inbox.decide, name="source-decide"),
    path("sources/<int:source_id>/", sources.source, name="source"),
    path("sources/<int:source_id>/test/", sources.test, name="source-test"),
    path("sources/<int:source_id>/sync/", sources.sync, name="source-sync"),
    path("sources/<int:source_id>/token/", sources.token, name="source-token"),
    path("sources/<int:source_id>/pause/", sources.pause, name="source-pause"),
    path("sources/<int:source_id>/resume/", source_plans.resume, name="source-resume"),
    path("sources/<int:source_id>/change/", sources.change, name="source-change"),
    path("sources/<int:source_id>/remove/", source_plans.remove, name="source-remove"),
    path("views/", saved_views.saved_views, name="views"),
    path("views/-/tabs/", saved_views.tabs, name="view-tabs"),
    path("views/new/", saved_views.new, name="view-new"),
    path("views/<slug:slug>/", saved_views.change, name="view"),
    path("views/<slug:slug>/delete/", saved_views.delete, name="view-delete"),
    path("keys/", keys.keys, name="keys"),
    path("keys/<str:key_id>/", keys.key, name="key"),
    path("keys/<str:key_id>/rotate/", keys.rotate, name="key-rotate"),
    path("keys/<str:key_id>/disable/", keys.disable, name="key-disable"),
    path("members/<int:pk>/limit/", members.limit, name="member-limit"),
    path("webhooks/", webhooks.webhooks, name="webhooks"),
    path("webhooks/<str:webhook_id>/", webhooks.webhook, name="webhook"),
    path("webhooks/<str:webhook_id>/rotate/", webhooks.rotate, name="webhook-rotate"),
    path("webhooks/<str:webhook_id>/ping/", webhooks.ping, name="webhook-ping"),
    path("webhooks/<str:webhook_id>/switch/", webhooks.switch, name="webhook-switch"),
    path("webhooks/<str:webhook_id>/redeliver/", webhooks.redeliver, name="webhook-redeliver"),
    path("webhooks/<str:webhook_id>/delete/", webhooks.delete, name="webhook-delete"),
]

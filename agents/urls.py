"""The addresses of the pages. A tag never stands in a path: browsers and proxies rewrite paths."""

from django.urls import path
from django.views.generic import RedirectView

from agents.views import (
    agent,
    agent_file,
    agent_history,
    agent_json,
    agent_list,
    agent_memory,
    agent_settings,
    delete_agent,
    keys,
    new_agent,
    row_editor,
    suggestions,
    tags,
)

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="agents")),
    path("agents/", agent_list.agents, name="agents"),
    path("agents/new/", new_agent.new_agent, name="agent-new"),
    path("agents/upload/", agent_file.upload, name="agent-upload"),
    path("agents/<str:agent_id>/", agent.overview, name="agent"),
    path("agents/<str:agent_id>/delete/", delete_agent.delete, name="agent-delete"),
    path("agents/<str:agent_id>/file/", agent_file.download, name="agent-file"),
    path("agents/<str:agent_id>/settings/", agent_settings.settings, name="agent-settings"),
    path("agents/<str:agent_id>/recent/", agent_settings.recent, name="agent-recent"),
    path("agents/<str:agent_id>/memory/", agent_memory.memory, name="agent-memory"),
    path("agents/<str:agent_id>/memory/add/", agent_memory.add, name="agent-memory-add"),
    path("agents/<str:agent_id>/memory/remove/", agent_memory.remove, name="agent-memory-remove"),
    path("agents/<str:agent_id>/history/", agent_history.history, name="agent-history"),
    path("agents/<str:agent_id>/json/", agent_json.agent_json, name="agent-json"),
    path("agents/<str:agent_id>/tags/", tags.add, name="agent-tags"),
    path("agents/<str:agent_id>/tags/remove/", tags.remove, name="agent-tags-remove"),
    path("agents/<str:agent_id>/tags/undo/", tags.undo_change, name="agent-tags-undo"),
    path("agents/<str:agent_id>/tags/news/", tags.news, name="agent-tags-news"),
    path("agents/<str:agent_id>/tags/editor/", row_editor.row_editor, name="agent-tags-editor"),
    path("agents/<str:agent_id>/tags/row/", row_editor.row_tags, name="agent-tags-row"),
    path("tags/suggest/", suggestions.suggest, name="tag-suggest"),
    path("keys/", keys.keys, name="keys"),
    path("keys/<str:key_id>/", keys.key, name="key"),
    path("keys/<str:key_id>/rotate/", keys.rotate, name="key-rotate"),
    path("keys/<str:key_id>/disable/", keys.disable, name="key-disable"),
]

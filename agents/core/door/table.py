"""The table of routes: each route of Letta 0.16.8, who answers it, and what a key must have to use it.

One entry for each method and template of the server's OpenAPI document. A test fails if one is missing.
The same routes exist under /latest/, for keys without a limit only. What is not here is refused.

    METHOD TEMPLATE   WHO   NEEDS
        query ID=KIND ... | OTHER ...
        body ID ...

WHO     `letta`: the server. `ade`: ADE, which checks the key itself and writes through to the server.
        `nobody`: refused for every key.
NEEDS   A right, such as `read_agent`, on the agent of the request: limited keys can use the route.
        `*read_agent`: only keys that are not limited, with this right: the route shows or changes more than
        one agent, or something in the body can name another agent.
        `?write_messages`: as `write_messages`, where the setting DOOR_CONVERSATION_MESSAGES allows it.
        `*manage`: only keys that are not limited, with manage scope: the route can run code, or shows secrets.
        `key`: any valid key.
query   Ids and cursors in the query. `conversation_id=conversation`: a limited key can send it if that
        conversation belongs to the same agent. `agent_id=agent!`: a limited key must send it. `after=listed`:
        the id is looked up in the first 1,000 items of the same list. `never`: refused for limited keys.
        After `|`: parameters without ids. Anything else is not passed on for limited keys.
body    Ids in the body. ADE does not see the body. A route that limited keys can use has only ids that
        HARMLESS explains.
"""

# Why these ids in the body of a route for limited keys cannot reach another agent. Read in the source.
HARMLESS = {
    "approval_request_id": "compared with the request that waits in the same agent",
    "batch_item_id": "stored with the message, not read",
    "file_id": "an image of this kind is not loaded by the server",
    "group_id": "stored with the message; see docs/operate/front-door.md, what the door cannot prevent",
    "id": "the id of a piece of content, not read",
    # POST /v1/conversations/{id}/messages with `background` resumes the stream of the run whose request had
    # exactly these otids, if Letta uses Redis. They are random unless an application chooses them.
    "otid": "stored with the message; where it resumes a stream, it must be known and cannot be guessed",
    "return_token_ids": "a switch",
    "sender_id": "stored with the message, not read",
    "tool_call_id": "compared with the call that waits in the same agent",
}
# Ids that a shared body declares and this route does not read.
IGNORED = {
    "POST /v1/runs/{run_id}/stream": {"agent_id", "otid", "run_id"},
    # Read only where the path names no conversation, and the door takes only conv-<uuid>.
    "POST /v1/conversations/{conversation_id}/messages": {"agent_id"},
}

ROUTES = """
# _internal_agents
GET    /v1/_internal_agents/count                                                               nobody -
PATCH  /v1/_internal_agents/{agent_id}/core-memory/blocks/{block_label}                         nobody -
    body base_template_id deployment_id entity_id project_id template_id

# _internal_blocks
GET    /v1/_internal_blocks/                                                                    nobody -
    query identity_id project_id before after
POST   /v1/_internal_blocks/                                                                    nobody -
    body base_template_id deployment_id entity_id project_id template_id
DELETE /v1/_internal_blocks/{block_id}                                                          nobody -
GET    /v1/_internal_blocks/{block_id}/agents                                                   nobody -
    query before after

# _internal_runs
GET    /v1/_internal_runs/                                                                      nobody -
    query run_id agent_id agent_ids before after project_id conversation_id

# _internal_search
POST   /v1/_internal_search/cache-warm                                                          nobody -

# _internal_templates
POST   /v1/_internal_templates/groups                                                           nobody -
    body agent_ids base_template_id deployment_id manager_agent_id project_id shared_block_ids template_id
POST   /v1/_internal_templates/agents                                                           nobody -
    body base_template_id batch_item_id block_ids deployment_id entity_id file_id folder_ids group_id id identity_ids otid project_id return_token_ids sender_id source_ids template_id tool_call_id tool_ids
POST   /v1/_internal_templates/blocks                                                           nobody -
    body base_template_id deployment_id entity_id project_id template_id
POST   /v1/_internal_templates/blocks/batch                                                     nobody -
    body base_template_id deployment_id entity_id project_id template_id
GET    /v1/_internal_templates/deployment/{deployment_id}                                       nobody -
DELETE /v1/_internal_templates/deployment/{deployment_id}                                       nobody -

# admin
GET    /v1/admin/users/                                                                         nobody -
    query after
POST   /v1/admin/users/                                                                         nobody -
    body organization_id
PUT    /v1/admin/users/                                                                         nobody -
    body id organization_id
DELETE /v1/admin/users/                                                                         nobody -
    query user_id
GET    /v1/admin/orgs/                                                                          nobody -
    query after
POST   /v1/admin/orgs/                                                                          nobody -
DELETE /v1/admin/orgs/                                                                          nobody -
    query org_id
PATCH  /v1/admin/orgs/                                                                          nobody -
    query org_id

# agents
GET    /v1/agents/                                                                              ade    key
    query before after project_id template_id base_template_id identity_id created_by_id
POST   /v1/agents/                                                                              ade    key
    body actor_id base_template_id batch_item_id block_ids deployment_id entity_id file_id folder_ids group_id id identity_ids otid project_id return_token_ids sender_id source_ids template_id tool_call_id tool_ids
GET    /v1/agents/count                                                                         ade    key
    query project_id template_id base_template_id identity_id created_by_id
GET    /v1/agents/{agent_id}/export                                                             ade    key
    query conversation_id
POST   /v1/agents/{agent_id}/export                                                             letta  *read_agent
    body conversation_id
POST   /v1/agents/import                                                                        ade    key
    body project_id
GET    /v1/agents/{agent_id}/context                                                            letta  *read_agent
    query conversation_id
PATCH  /v1/agents/{agent_id}                                                                    ade    key
    body base_template_id block_ids folder_ids identity_ids message_ids project_id return_token_ids source_ids template_id tool_ids
GET    /v1/agents/{agent_id}                                                                    ade    key
DELETE /v1/agents/{agent_id}                                                                    ade    key
GET    /v1/agents/{agent_id}/tools                                                              letta  read_agent
    query before=listed after=listed | limit order order_by
PATCH  /v1/agents/{agent_id}/tools/attach/{tool_id}                                             letta  *write_agent
PATCH  /v1/agents/{agent_id}/tools/detach/{tool_id}                                             letta  *write_agent
PATCH  /v1/agents/{agent_id}/tools/approval/{tool_name}                                         letta  write_agent
    query  | requires_approval
POST   /v1/agents/{agent_id}/tools/{tool_name}/run                                              letta  *manage
PATCH  /v1/agents/{agent_id}/sources/attach/{source_id}                                         letta  *write_agent
PATCH  /v1/agents/{agent_id}/folders/attach/{folder_id}                                         letta  *write_agent
PATCH  /v1/agents/{agent_id}/sources/detach/{source_id}                                         letta  *write_agent
PATCH  /v1/agents/{agent_id}/folders/detach/{folder_id}                                         letta  *write_agent
PATCH  /v1/agents/{agent_id}/files/close-all                                                    letta  write_agent
PATCH  /v1/agents/{agent_id}/files/{file_id}/open                                               letta  *write_agent
PATCH  /v1/agents/{agent_id}/files/{file_id}/close                                              letta  *write_agent
GET    /v1/agents/{agent_id}/sources                                                            letta  read_agent
    query before=listed after=listed | limit order order_by
GET    /v1/agents/{agent_id}/folders                                                            letta  read_agent
    query before=listed after=listed | limit order order_by
GET    /v1/agents/{agent_id}/files                                                              letta  read_agent
    query before=listed after=listed cursor=listed | limit order order_by is_open
GET    /v1/agents/{agent_id}/core-memory                                                        ade    key
GET    /v1/agents/{agent_id}/core-memory/blocks/{block_label}                                   ade    key
PATCH  /v1/agents/{agent_id}/core-memory/blocks/{block_label}                                   ade    key
    body base_template_id deployment_id entity_id project_id template_id
GET    /v1/agents/{agent_id}/core-memory/blocks                                                 ade    key
    query before after
POST   /v1/agents/{agent_id}/recompile                                                          letta  write_agent
    query  | update_timestamp dry_run
POST   /v1/agents/{agent_id}/system-prompt/recompile                                            letta  write_agent
    query  | update_timestamp dry_run
PATCH  /v1/agents/{agent_id}/core-memory/blocks/attach/{block_id}                               ade    *write_agent
PATCH  /v1/agents/{agent_id}/core-memory/blocks/detach/{block_id}                               ade    *write_agent
PATCH  /v1/agents/{agent_id}/archives/attach/{archive_id}                                       letta  *write_agent
PATCH  /v1/agents/{agent_id}/archives/detach/{archive_id}                                       letta  *write_agent
PATCH  /v1/agents/{agent_id}/identities/attach/{identity_id}                                    ade    *write_agent
PATCH  /v1/agents/{agent_id}/identities/detach/{identity_id}                                    ade    *write_agent
GET    /v1/agents/{agent_id}/archival-memory                                                    letta  read_agent
    query after=listed before=listed | limit search ascending
POST   /v1/agents/{agent_id}/archival-memory                                                    letta  write_agent
GET    /v1/agents/{agent_id}/archival-memory/search                                             letta  read_agent
    query  | query tags tag_match_mode top_k start_datetime end_datetime
DELETE /v1/agents/{agent_id}/archival-memory/{memory_id}                                        letta  *write_agent
GET    /v1/agents/{agent_id}/messages                                                           letta  read_messages
    query before=message after=message group_id=never conversation_id=conversation | limit order order_by use_assistant_message assistant_message_tool_name assistant_message_tool_kwarg include_err include_return_message_types
POST   /v1/agents/{agent_id}/messages                                                           letta  write_messages
    body approval_request_id batch_item_id file_id group_id id otid return_token_ids sender_id tool_call_id
PATCH  /v1/agents/{agent_id}/messages/{message_id}                                              letta  *write_messages
    body file_id
POST   /v1/agents/{agent_id}/messages/stream                                                    letta  write_messages
    body approval_request_id batch_item_id file_id group_id id otid return_token_ids sender_id tool_call_id
POST   /v1/agents/{agent_id}/messages/cancel                                                    letta  *write_messages
    body run_ids
POST   /v1/agents/{agent_id}/generate                                                           letta  *write_messages
POST   /v1/agents/messages/search                                                               letta  *read_messages
    body agent_id conversation_id project_id template_id
POST   /v1/agents/{agent_id}/messages/async                                                     letta  write_messages
    body approval_request_id batch_item_id file_id group_id id otid return_token_ids sender_id tool_call_id
PATCH  /v1/agents/{agent_id}/reset-messages                                                     letta  write_messages
GET    /v1/agents/{agent_id}/groups                                                             letta  *read_agent
    query before after
POST   /v1/agents/{agent_id}/messages/preview-raw-payload                                       letta  *read_agent
    body approval_request_id batch_item_id file_id group_id id otid return_token_ids sender_id tool_call_id
POST   /v1/agents/{agent_id}/summarize                                                          letta  *write_messages

# archives
POST   /v1/archives/                                                                            letta  *write_agent
GET    /v1/archives/                                                                            letta  *read_agent
    query before after agent_id
GET    /v1/archives/{archive_id}                                                                letta  *read_agent
PATCH  /v1/archives/{archive_id}                                                                letta  *write_agent
DELETE /v1/archives/{archive_id}                                                                letta  *write_agent
GET    /v1/archives/{archive_id}/agents                                                         letta  *read_agent
    query before after
POST   /v1/archives/{archive_id}/passages                                                       letta  *write_agent
POST   /v1/archives/{archive_id}/passages/batch                                                 letta  *write_agent
DELETE /v1/archives/{archive_id}/passages/{passage_id}                                          letta  *write_agent

# auth
POST   /v1/auth                                                                                 nobody -

# blocks
GET    /v1/blocks/                                                                              ade    key
    query identity_id project_id before after
POST   /v1/blocks/                                                                              ade    key
    body base_template_id deployment_id entity_id project_id template_id
GET    /v1/blocks/count                                                                         ade    key
    query project_id
PATCH  /v1/blocks/{block_id}                                                                    ade    key
    body base_template_id deployment_id entity_id project_id template_id
DELETE /v1/blocks/{block_id}                                                                    ade    key
GET    /v1/blocks/{block_id}                                                                    ade    key
GET    /v1/blocks/{block_id}/agents                                                             ade    key
    query before after
PATCH  /v1/blocks/{block_id}/identities/attach/{identity_id}                                    letta  *manage
PATCH  /v1/blocks/{block_id}/identities/detach/{identity_id}                                    letta  *manage

# chat
POST   /v1/chat/completions                                                                     letta  *write_messages
    body file_id id tool_call_id

# conversations
POST   /v1/conversations/                                                                       letta  write_messages
    query agent_id=agent!
GET    /v1/conversations/                                                                       letta  read_messages
    query agent_id=agent! after=conversation | limit summary_search order order_by
GET    /v1/conversations/{conversation_id}                                                      letta  read_messages
PATCH  /v1/conversations/{conversation_id}                                                      letta  write_messages
DELETE /v1/conversations/{conversation_id}                                                      letta  write_messages
POST   /v1/conversations/{conversation_id}/fork                                                 letta  *write_messages
    query agent_id
GET    /v1/conversations/{conversation_id}/messages                                             letta  read_messages
    query agent_id=agent before=message after=message group_id=never | limit order order_by include_err include_return_message_types
POST   /v1/conversations/{conversation_id}/messages                                             letta  ?write_messages
    body agent_id approval_request_id batch_item_id file_id group_id id otid return_token_ids sender_id tool_call_id
POST   /v1/conversations/{conversation_id}/messages/preview-raw-payload                         letta  *read_agent
    body agent_id approval_request_id batch_item_id file_id group_id id otid return_token_ids sender_id tool_call_id
POST   /v1/conversations/{conversation_id}/stream                                               letta  *write_messages
    body agent_id otid run_id
POST   /v1/conversations/{conversation_id}/cancel                                               letta  *write_messages
    query agent_id
POST   /v1/conversations/{conversation_id}/recompile                                            letta  *write_messages
    body agent_id
POST   /v1/conversations/{conversation_id}/compact                                              letta  *write_messages
    body agent_id

# embeddings
GET    /v1/embeddings/total_storage_size                                                        letta  *read_agent

# folders
GET    /v1/folders/count                                                                        letta  *read_agent
GET    /v1/folders/{folder_id}                                                                  letta  *read_agent
PATCH  /v1/folders/{folder_id}                                                                  letta  *manage
DELETE /v1/folders/{folder_id}                                                                  letta  *manage
GET    /v1/folders/name/{folder_name}                                                           letta  *read_agent
GET    /v1/folders/metadata                                                                     letta  *read_agent
GET    /v1/folders/                                                                             letta  *read_agent
    query before after
POST   /v1/folders/                                                                             letta  *manage
POST   /v1/folders/{folder_id}/upload                                                           letta  *manage
GET    /v1/folders/{folder_id}/agents                                                           letta  *read_agent
    query before after
GET    /v1/folders/{folder_id}/passages                                                         letta  *read_agent
    query before after
GET    /v1/folders/{folder_id}/files                                                            letta  *read_agent
    query before after
GET    /v1/folders/{folder_id}/files/{file_id}                                                  letta  *read_agent
DELETE /v1/folders/{folder_id}/{file_id}                                                        letta  *manage

# groups
GET    /v1/groups/                                                                              letta  *read_agent
    query before after project_id
POST   /v1/groups/                                                                              letta  *write_agent
    body agent_ids manager_agent_id project_id shared_block_ids
GET    /v1/groups/count                                                                         letta  *read_agent
GET    /v1/groups/{group_id}                                                                    letta  *read_agent
PATCH  /v1/groups/{group_id}                                                                    letta  *write_agent
    body agent_ids manager_agent_id project_id shared_block_ids
DELETE /v1/groups/{group_id}                                                                    letta  *write_agent
PATCH  /v1/groups/{group_id}/messages/{message_id}                                              letta  *write_messages
    body file_id
GET    /v1/groups/{group_id}/messages                                                           letta  *read_messages
    query before after
PATCH  /v1/groups/{group_id}/reset-messages                                                     letta  *write_messages
PATCH  /v1/groups/{group_id}/blocks/attach/{block_id}                                           letta  *write_agent
PATCH  /v1/groups/{group_id}/blocks/detach/{block_id}                                           letta  *write_agent

# health
GET    /v1/health/                                                                              ade    key

# identities
GET    /v1/identities/                                                                          ade    key
    query project_id before after
POST   /v1/identities/                                                                          ade    key
    body agent_ids block_ids project_id
PUT    /v1/identities/                                                                          ade    key
    body agent_ids block_ids project_id
GET    /v1/identities/count                                                                     ade    key
GET    /v1/identities/{identity_id}                                                             ade    key
PATCH  /v1/identities/{identity_id}                                                             ade    key
    body agent_ids block_ids
DELETE /v1/identities/{identity_id}                                                             ade    key
PUT    /v1/identities/{identity_id}/properties                                                  ade    key
GET    /v1/identities/{identity_id}/agents                                                      ade    key
    query before after
GET    /v1/identities/{identity_id}/blocks                                                      ade    key
    query before after

# jobs
GET    /v1/jobs/                                                                                letta  *read_agent
    query source_id before after
GET    /v1/jobs/active                                                                          letta  *read_agent
    query source_id before after
GET    /v1/jobs/{job_id}                                                                        letta  *read_agent
DELETE /v1/jobs/{job_id}                                                                        letta  *manage
PATCH  /v1/jobs/{job_id}/cancel                                                                 letta  *manage

# mcp-servers
POST   /v1/mcp-servers/                                                                         letta  *manage
GET    /v1/mcp-servers/                                                                         letta  *manage
GET    /v1/mcp-servers/{mcp_server_id}                                                          letta  *manage
DELETE /v1/mcp-servers/{mcp_server_id}                                                          letta  *manage
PATCH  /v1/mcp-servers/{mcp_server_id}                                                          letta  *manage
GET    /v1/mcp-servers/{mcp_server_id}/tools                                                    letta  *manage
GET    /v1/mcp-servers/{mcp_server_id}/tools/{tool_id}                                          letta  *manage
POST   /v1/mcp-servers/{mcp_server_id}/tools/{tool_id}/run                                      letta  *manage
PATCH  /v1/mcp-servers/{mcp_server_id}/refresh                                                  letta  *manage
    query agent_id
GET    /v1/mcp-servers/connect/{mcp_server_id}                                                  letta  *manage

# messages
GET    /v1/messages/                                                                            letta  *read_messages
    query before after conversation_id
POST   /v1/messages/search                                                                      letta  *read_messages
    body agent_id conversation_id
POST   /v1/messages/batches                                                                     letta  *write_messages
    body agent_id approval_request_id batch_item_id file_id group_id id otid return_token_ids sender_id tool_call_id
GET    /v1/messages/batches                                                                     letta  *read_messages
    query before after
GET    /v1/messages/batches/{batch_id}                                                          letta  *read_messages
GET    /v1/messages/batches/{batch_id}/messages                                                 letta  *read_messages
    query before after agent_id
PATCH  /v1/messages/batches/{batch_id}/cancel                                                   letta  *write_messages
GET    /v1/messages/{message_id}                                                                letta  read_messages

# models
GET    /v1/models/                                                                              ade    key
GET    /v1/models/embedding                                                                     ade    key

# passages
POST   /v1/passages/search                                                                      letta  *read_agent
    body agent_id archive_id

# providers
GET    /v1/providers/                                                                           letta  *manage
    query before after
POST   /v1/providers/                                                                           letta  *manage
GET    /v1/providers/{provider_id}                                                              letta  *manage
PATCH  /v1/providers/{provider_id}                                                              letta  *manage
DELETE /v1/providers/{provider_id}                                                              letta  *manage
POST   /v1/providers/check                                                                      letta  *manage
POST   /v1/providers/{provider_id}/check                                                        letta  *manage
PATCH  /v1/providers/{provider_id}/refresh                                                      letta  *manage

# ready
GET    /v1/ready/                                                                               letta  *read_agent

# runs
GET    /v1/runs/                                                                                letta  read_messages
    query agent_id=agent! agent_ids=never conversation_id=conversation before=run after=run | statuses background stop_reason limit order order_by active ascending
GET    /v1/runs/active                                                                          letta  read_messages
    query agent_id=agent! | background
GET    /v1/runs/{run_id}                                                                        letta  read_messages
DELETE /v1/runs/{run_id}                                                                        letta  write_messages
GET    /v1/runs/{run_id}/messages                                                               letta  read_messages
    query before=message after=message | limit order order_by
GET    /v1/runs/{run_id}/usage                                                                  letta  read_messages
GET    /v1/runs/{run_id}/metrics                                                                letta  read_messages
GET    /v1/runs/{run_id}/steps                                                                  letta  read_messages
    query before=step after=step | limit order order_by
GET    /v1/runs/{run_id}/trace                                                                  letta  *read_messages
POST   /v1/runs/{run_id}/stream                                                                 letta  read_messages
    body agent_id otid run_id

# sandbox-config
POST   /v1/sandbox-config/                                                                      letta  *manage
GET    /v1/sandbox-config/                                                                      letta  *manage
    query after
POST   /v1/sandbox-config/e2b/default                                                           letta  *manage
POST   /v1/sandbox-config/local/default                                                         letta  *manage
POST   /v1/sandbox-config/local                                                                 letta  *manage
PATCH  /v1/sandbox-config/{sandbox_config_id}                                                   letta  *manage
DELETE /v1/sandbox-config/{sandbox_config_id}                                                   letta  *manage
POST   /v1/sandbox-config/local/recreate-venv                                                   letta  *manage
POST   /v1/sandbox-config/{sandbox_config_id}/environment-variable                              letta  *manage
GET    /v1/sandbox-config/{sandbox_config_id}/environment-variable                              letta  *manage
    query after
PATCH  /v1/sandbox-config/environment-variable/{env_var_id}                                     letta  *manage
DELETE /v1/sandbox-config/environment-variable/{env_var_id}                                     letta  *manage

# sources
GET    /v1/sources/count                                                                        letta  *read_agent
GET    /v1/sources/{source_id}                                                                  letta  *read_agent
PATCH  /v1/sources/{source_id}                                                                  letta  *manage
DELETE /v1/sources/{source_id}                                                                  letta  *manage
GET    /v1/sources/name/{source_name}                                                           letta  *read_agent
GET    /v1/sources/metadata                                                                     letta  *read_agent
GET    /v1/sources/                                                                             letta  *read_agent
POST   /v1/sources/                                                                             letta  *manage
POST   /v1/sources/{source_id}/upload                                                           letta  *manage
GET    /v1/sources/{source_id}/agents                                                           letta  *read_agent
GET    /v1/sources/{source_id}/passages                                                         letta  *read_agent
    query after before
GET    /v1/sources/{source_id}/files                                                            letta  *read_agent
    query after
GET    /v1/sources/{source_id}/files/{file_id}                                                  letta  *read_agent
DELETE /v1/sources/{source_id}/{file_id}                                                        letta  *manage

# steps
GET    /v1/steps/                                                                               letta  read_messages
    query before=step after=step agent_id=agent! trace_ids=never project_id=never | limit order order_by start_date end_date model feedback has_feedback tags
GET    /v1/steps/{step_id}                                                                      letta  read_messages
GET    /v1/steps/{step_id}/metrics                                                              letta  read_messages
GET    /v1/steps/{step_id}/trace                                                                letta  *read_messages
PATCH  /v1/steps/{step_id}/feedback                                                             letta  write_messages
GET    /v1/steps/{step_id}/messages                                                             letta  read_messages
    query before=message after=message | limit order order_by
PATCH  /v1/steps/{step_id}/transaction/{transaction_id}                                         letta  *write_messages

# tags
GET    /v1/tags/                                                                                ade    key
    query before after

# telemetry
GET    /v1/telemetry/{step_id}                                                                  letta  *read_messages

# tools
DELETE /v1/tools/{tool_id}                                                                      letta  *manage
GET    /v1/tools/{tool_id}                                                                      letta  *read_agent
PATCH  /v1/tools/{tool_id}                                                                      letta  *manage
GET    /v1/tools/count                                                                          letta  *read_agent
    query tool_ids
GET    /v1/tools/                                                                               letta  *read_agent
    query before after tool_ids
POST   /v1/tools/                                                                               letta  *manage
PUT    /v1/tools/                                                                               letta  *manage
POST   /v1/tools/search                                                                         letta  *read_agent
POST   /v1/tools/add-base-tools                                                                 letta  *manage
POST   /v1/tools/run                                                                            letta  *manage
GET    /v1/tools/mcp/servers                                                                    letta  *manage
PUT    /v1/tools/mcp/servers                                                                    letta  *manage
GET    /v1/tools/mcp/servers/{mcp_server_name}/tools                                            letta  *manage
POST   /v1/tools/mcp/servers/{mcp_server_name}/resync                                           letta  *manage
    query agent_id
POST   /v1/tools/mcp/servers/{mcp_server_name}/{mcp_tool_name}                                  letta  *manage
PATCH  /v1/tools/mcp/servers/{mcp_server_name}                                                  letta  *manage
DELETE /v1/tools/mcp/servers/{mcp_server_name}                                                  letta  *manage
POST   /v1/tools/mcp/servers/test                                                               letta  *manage
POST   /v1/tools/mcp/servers/connect                                                            letta  *manage
POST   /v1/tools/generate-schema                                                                letta  *manage
POST   /v1/tools/mcp/servers/{mcp_server_name}/tools/{tool_name}/execute                        letta  *manage
GET    /v1/tools/mcp/oauth/callback                                                             nobody -
POST   /v1/tools/generate-tool                                                                  letta  *manage

# voice-beta
POST   /v1/voice-beta/{agent_id}/chat/completions                                               letta  *write_messages
"""

"""Every limit of ADE. A test compares this file with the table in docs/api/limits.md."""

TAG_LENGTH = 512  # characters
TAG_DESCRIPTION_LENGTH = 500  # characters
DISPLAY_NAME_LENGTH = 128  # characters of the name of the user that a tag stands for
FOLDED_LENGTH = (
    1536  # characters of a name or tag in the search index: folding can triple the length
)
TYPED_LENGTH = 600_000  # characters in a tags field: 1,000 tags of full length
TAGS_PER_PASTE = 100
TAGS_PER_REQUEST = 1000
TEXT_LENGTH = 1_000_000  # characters of any text field of a form
QUERY_LENGTH = 8192  # characters of one query parameter; page cursors are the longest
NAME_LENGTH = 512  # characters
DESCRIPTION_LENGTH = 20_000  # characters
HANDLE_LENGTH = 256  # characters of a model's or an embedding's handle
SYSTEM_LENGTH = 1_000_000  # characters of a system prompt
JSON_LENGTH = 1_000_000  # bytes of one stored JSON value (metadata, llm_config, ...)
JSON_DEPTH = 64
JSON_VALUES = 250_000  # values in one JSON body or agent file; each takes about 100 bytes of memory
IMPORT_AGENTS = 500  # agents in one import from a page or the API
IMPORT_FILES = 500  # agent files that one import takes, also in a zip file
EXPORT_AGENTS = 2000  # agents of one zip file of agent files
IMPORT_TAGS = 5000  # tags in one import, counted for each agent
IMPORT_BLOCKS = 2000  # memory blocks in one import, counted for each agent
CSV_LINE_LENGTH = 1_000_000  # characters of one line of a CSV file of tags to add
CONTEXT_WINDOW = 100_000_000  # tokens
BLOCKS_PER_AGENT = 500
BLOCK_LABEL_LENGTH = 256  # characters
BLOCK_VALUE_LENGTH = 1_000_000  # characters
BLOCK_LIMIT_DEFAULT = 100_000  # characters, as in Letta
IDENTIFIER_KEY_LENGTH = 512  # characters of an identity's key
IDENTITIES_PER_AGENT = 100
ASSIGNED_AT_ONCE = 1000  # agents given to a user in one request
TRASH_AT_ONCE = 100  # agents restored or deleted for good in one request
OFFBOARD_DELETES = 100  # agents of a user from which the worker deletes them in batches
AGENTS_PER_IDENTITY_CALL = 1000  # agents in one request that creates or edits an identity
SEARCH_LENGTH = 256  # characters
KEY_NAME_LENGTH = 128  # characters
KEY_PATTERNS = 50  # patterns of the tags that a limited key may write
ACCESS_CHECKS = 1000  # questions in one request to /v1/access/check
ACCESS_TOKENS = 10_000  # client-side access tokens of one key that work at the same time
ACCESS_NAMED = 200  # keys and members that an answer about access now names
ACCESS_ROWS = 2000  # rows of each kind in a report about access in a period
ACCESS_CHANGES = 20_000  # changes that such a report reads to say who made them
PAST_AGENTS = 20_000  # agents that one page of a list as of a moment looks at
PAST_STEPS = 100_000  # changes of tags of one agent that an answer about its past reads
PAST_PAGE_STEPS = 10_000  # the same of all agents on a page of a list as of a moment
KEY_OVERLAP_SECONDS = 30 * 86400  # longest time that the old key still works after a rotation
REASON_LENGTH = 1000  # characters of a change's reason
FILTER_TAGS = 50  # tags in one filter
PAGE_DEFAULT = 50
PAGE_MOST = 1000
BULK_AT_ONCE = 2000  # agents that a bulk change changes in the request; the worker does larger ones
BULK_PLANNED_AT_ONCE = 20_000  # agents that a request plans; the worker plans the rest
BULK_BATCH = 100  # agents that a bulk change writes in one transaction
# Agents that a bulk change puts into the trash in one transaction, or that sources delete in one batch.
BULK_BATCH_DELETES = 5
BULK_BATCH_GONE = 50  # agents of an off-boarded user that are deleted in one transaction
BULK_BATCH_PAIRS = 2000  # agent-tag pairs that a bulk change writes in one transaction
BULK_PICKED = 1000  # agents picked one by one, or excluded from a selection
BULK_TAGS = 50  # tags that one bulk change adds or removes
CSV_ROWS = 50_000  # rows of one CSV file of tags to add
VIEW_NAME_LENGTH = 64  # characters of a saved view's name
VIEWS_PER_PERSON = 100
WATCHES = 10  # tags that a member watches
WEBHOOKS = 20
WEBHOOK_URL_LENGTH = 2000  # characters
WEBHOOK_NAME_LENGTH = 128  # characters
WEBHOOK_PATTERNS = 50  # patterns of the tags that a webhook reports
WEBHOOK_ATTEMPTS = 12  # attempts for one delivery, over about a day
WEBHOOK_WAITING = 10_000  # waiting deliveries; above this no more are read from the log
WEBHOOK_TAG_SECONDS = (
    600  # longest time that the event of a tag and other events wait for each other
)
WEBHOOK_OVERLAP_SECONDS = 86400  # time that the old secret also signs after a rotation
WEBHOOK_ANSWER = 65_536  # bytes of a receiver's answer that are read and discarded
SOURCES = 50
SOURCE_NAME_LENGTH = 128  # characters
EXACT_COUNT = 10_000  # pages show exact counts up to this number
HISTORY_TEXT = 2000  # characters of an old or new value stored in history
AGENT_FILE = 8 * 1024 * 1024  # bytes of the agent file that the trash keeps of an agent of a source
SOURCE_ANSWER = 256 * 1024 * 1024  # bytes of one answer of a connected server
IMPORT_ANSWER = 64 * 1024 * 1024  # bytes of one answer from a server that agents are imported from

IDEMPOTENCY_KEY_LENGTH = 255  # characters
IDEMPOTENCY_ROWS = 10_000  # requests with an Idempotency-Key stored for one caller
IDEMPOTENCY_SECONDS = 86_400  # time that they are stored

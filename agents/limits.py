"""Every limit of ADE in one place; docs/limits.md has the same table, and a test compares them."""

TAG_LENGTH = 512  # characters
TAGS_PER_PASTE = 100
TAGS_PER_REQUEST = 1000
NAME_LENGTH = 512  # characters
DESCRIPTION_LENGTH = 20_000  # characters
HANDLE_LENGTH = 256  # characters of a model's or an embedding's handle
SYSTEM_LENGTH = 1_000_000  # characters of a system prompt
JSON_LENGTH = 1_000_000  # bytes of one stored JSON value (metadata, llm_config, ...)
JSON_DEPTH = 64
CONTEXT_WINDOW = 100_000_000  # tokens
BLOCKS_PER_AGENT = 100
BLOCK_LABEL_LENGTH = 256  # characters
BLOCK_VALUE_LENGTH = 1_000_000  # characters
BLOCK_LIMIT_DEFAULT = 100_000  # characters, as in Letta
SEARCH_LENGTH = 256  # characters
KEY_NAME_LENGTH = 128  # characters
KEY_PATTERNS = 50  # patterns of tags that a limited key may write
KEY_OVERLAP_SECONDS = 30 * 86400  # that a rotated key works on, at most
REASON_LENGTH = 1000  # characters of a change's reason
FILTER_TAGS = 50  # tags in one filter
PAGE_DEFAULT = 50
PAGE_MOST = 1000
EXACT_COUNT = 10_000  # pages count exactly up to here
HISTORY_TEXT = 2000  # characters of an old or new value kept in history
IMPORT_ANSWER = 64 * 1024 * 1024  # bytes of one answer of a server that agents are imported from

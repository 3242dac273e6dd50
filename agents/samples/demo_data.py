"""The demo's data: the assistants of a small company, and the people who tag them."""

from dataclasses import dataclass

EMBEDDING = "openai/text-embedding-3-small"
_SONNET = "anthropic/claude-sonnet-4-5-20250929"
_MINI = "openai/gpt-4o-mini"
_GEMINI = "google_ai/gemini-2.5-flash"
_LLAMA = "groq/llama-3.3-70b-versatile"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of agent: the start of its name, its purpose and its model."""

    title: str
    description: str
    model: str
    window: int  # tokens
    system: str
    team: str


KINDS = {
    "support": Kind(
        "Support",
        "Answers questions about orders, deliveries and returns",
        _MINI,
        32_000,
        "You are the support agent of a shop for outdoor gear. Find the order before you answer. "
        "Be brief and kind. You may offer a return; you may never promise a refund: hand those "
        "cases to a colleague. Write what you learn about the customer into the human block.",
        "care",
    ),
    "research": Kind(
        "Research",
        "Reads sources, keeps notes, answers with references",
        _SONNET,
        200_000,
        "You are a research assistant. Work in small steps: restate the question, list what is "
        "known, search, then answer. Give a source for every claim, and say plainly where the "
        "sources disagree or are silent. Keep open questions in your notes block.",
        "insight",
    ),
    "billing": Kind(
        "Billing",
        "Explains invoices and watches for failed payments",
        _MINI,
        32_000,
        "You are the billing agent. Explain each line of an invoice in plain words. You see "
        "amounts and dates, never card numbers; if someone sends one, ask them to delete it. "
        "Raise anything about fraud with a person at once.",
        "finance",
    ),
    "tutor": Kind(
        "Tutor",
        "Practises a language, one short talk a day",
        _GEMINI,
        128_000,
        "You are a patient language tutor. Speak the learner's target language, fall back to "
        "their own only when they are stuck. Correct at most two mistakes a message. Keep the "
        "words they find hard in your notes block and bring them up again.",
        "learning",
    ),
    "review": Kind(
        "Code review",
        "Reads merge requests and points out what may break",
        _SONNET,
        200_000,
        "You review code. Say first what the change does. Then name at most five problems, the "
        "worst first, each with the line and a way out. Do not comment on style that a formatter "
        "settles.",
        "platform",
    ),
    "digest": Kind(
        "Digest",
        "Sums up the day's messages every evening",
        _LLAMA,
        64_000,
        "You write an evening digest. Five points at most, each one sentence, each with a link. "
        "Leave out greetings and jokes. If nothing mattered today, say so.",
        "insight",
    ),
}

# Name, kind, user tag and other tags, in the order of creation.
AGENTS: tuple[tuple[str, str, str, str], ...] = (
    ("Nova", "support", "user_1", "tier:gold env:prod lang:en"),
    ("Atlas", "research", "user_1", "tier:gold env:prod lang:en"),
    ("Penny", "billing", "user_1", "tier:gold env:prod lang:en"),
    ("Finn", "support", "user_2", "tier:free env:prod lang:de"),
    ("Lumi", "tutor", "user_2", "tier:free env:prod lang:fi"),
    ("Sage", "research", "user_3", "tier:silver env:prod lang:en"),
    ("Moss", "digest", "user_3", "tier:silver env:prod lang:en"),
    ("Juno", "support", "user_4", "tier:free env:prod lang:es"),
    ("Pixel", "review", "user_5", "tier:gold env:prod lang:en"),
    ("Bolt", "review", "user_5", "tier:gold env:staging lang:en"),
    ("Echo", "digest", "user_5", "tier:gold env:prod lang:en"),
    ("Coco", "support", "user_6", "tier:free env:prod lang:fr"),
    ("Remy", "tutor", "user_6", "tier:free env:prod lang:fr"),
    ("Otto", "billing", "user_7", "tier:silver env:prod lang:de"),
    ("Hedda", "support", "user_7", "tier:silver env:prod lang:de"),
    ("Kiko", "tutor", "user_8", "tier:trial env:prod lang:ja"),
    ("Suki", "support", "user_8", "tier:trial env:prod lang:ja"),
    ("Vega", "research", "user_9", "tier:gold env:prod lang:pt"),
    ("Rio", "support", "user_9", "tier:gold env:prod lang:pt"),
    ("Tess", "support", "user_10", "tier:free env:prod lang:nl"),
    ("Bram", "billing", "user_10", "tier:free env:prod lang:nl"),
    ("Iris", "digest", "user_11", "tier:silver env:prod lang:en"),
    ("Argus", "review", "user_11", "tier:silver env:prod lang:en"),
    ("Lark", "tutor", "user_12", "tier:trial env:prod lang:it"),
    ("Enzo", "support", "user_12", "tier:trial env:prod lang:it"),
    ("Ada's notebook", "research", "user_ada", "tier:gold env:prod lang:en"),
    ("Ada's reviewer", "review", "user_ada", "tier:gold env:dev lang:en"),
    ("Grace", "digest", "user_ada", "tier:gold env:prod lang:en"),
    ("Linus", "review", "user_grace", "tier:silver env:prod lang:en"),
    ("Curie", "research", "user_marie", "tier:gold env:prod lang:pl"),
    ("Zofia", "tutor", "user_marie", "tier:gold env:prod lang:pl"),
    ("Kranz", "support", "user:4711", "tier:free env:prod lang:de"),
    ("Dom", "billing", "user:4711", "tier:free env:prod lang:de"),
    ("Support canary", "support", "", "env:staging lang:en"),
    ("Research canary", "research", "", "env:staging lang:en"),
    ("Billing sandbox", "billing", "", "env:dev"),
    ("Prompt playground", "tutor", "", "env:dev experiment"),
    ("Shared digest", "digest", "user_2", "env:prod lang:en user_3"),
    ("Winter sale helper", "support", "user_1", "env:prod lang:en campaign:winter-sale"),
    ("Unsorted import", "digest", "", ""),
)

# Days ago, actor, agent, added tags, removed tags, reason.
CHANGES: tuple[tuple[float, str, str, str, str, str], ...] = (
    (6.4, "mara", "Nova", "vip", "", "Signed the yearly contract"),
    (6.4, "mara", "Penny", "vip", "", "Signed the yearly contract"),
    (5.9, "sync", "Juno", "tier:silver", "tier:free", ""),
    (5.2, "tomas", "Bolt", "env:prod", "env:staging", "Passed two weeks of staging"),
    (4.8, "jiwoo", "Kranz", "needs-review", "", "Answers in the wrong language"),
    (4.1, "tomas", "Prompt playground", "owner:jiwoo", "", ""),
    (3.6, "sync", "Lark", "tier:free", "tier:trial", "Trial ended"),
    (3.6, "sync", "Enzo", "tier:free", "tier:trial", "Trial ended"),
    (2.9, "jiwoo", "Kranz", "", "needs-review", "Prompt corrected"),
    (2.2, "mara", "Shared digest", "", "user_3", "One owner each"),
    (1.7, "tomas", "Winter sale helper", "frozen", "", "Sale is over"),
    (1.1, "jiwoo", "Curie", "beta", "", ""),
    (0.6, "mara", "Hedda", "vip", "", ""),
)
# Days ago, tag, description, colour.
DESCRIPTIONS: tuple[tuple[float, str, str, str], ...] = (
    (2.81, "env:prod", "Answers real customers", "green"),
    (2.80, "env:staging", "Tried out before it goes to prod", "yellow"),
    (2.79, "env:dev", "Nobody depends on it", ""),
    (2.78, "tier:gold", "Yearly contract, answered first", "violet"),
    (2.77, "tier:trial", "Ends after 14 days", ""),
    (2.76, "vip", "Ask Mara before any change", "red"),
    (1.6, "frozen", "Not to be changed until its sale is back", "blue"),
    (2.74, "needs-review", "Someone has to look at its answers", "orange"),
)
# The change that is undone.
UNDONE = ("tomas", "Hedda", 0.4)

"""Tags as nobody would write them, legal and illegal ones."""

import unicodedata

from hypothesis import strategies as st

from agents.core.limits import TAG_LENGTH
from agents.core.tag_text import problem

# What some layer between a keyboard and a database is known to split, trim, fold or decode.
SEEDS = (
    "a,b", ",", '"', '""', 'a "b" c', "'", "''", "`", "=1+1", "'=1", "''=1", "+1", "-1", "@x",
    " ", "  ", " a", "a ", " a ", "a  b", "\t", "\n", "a\tb", "a\nb", "\n a", "a\n", "\t=1", "\n=1",
    ".", "..", "../x", "/", "//", "a/b", "/a", "a/", "%", "%2F", "%2f", "%00", "%25", "+", "a+b",
    "&", "a&b", "&amp;", "&lt;b&gt;", "#", "a#b", "?", "a?b=c", "a=b", ";", "a;b", ":", "a:b", ":a",
    "a:", "<", "<b>", "<script>alert(1)</script>", "</textarea>", "-->", "]]>", "{{ 1 }}", "{% x %}",
    "${x}", "\\", "\\n", "\\u0000", "\\x41", "*", "user_*", "%s", "{}", "{id}", "None", "null", "[]",
    "[\"a\"]", "true", "0", "-0", "1e3", "007", "agent_id", "tag", "user_1", "user_", "User_1",
    "user:1", "origin:web", "é", "e\u0301", "ﬁ", "K", "K", "Å", "Å", "ß", "ẞ", "ss", "İ", "i̇", "ı",
    "ς", "σ", "\u0301", "\u0301\u0323", "\u0323\u0301", "क़", "한", "한", "אב", "\u202eabc",
    "\u200f", "\u200d", "a\u200bb", "\ufeff", "\ufeffa", "\u00ad", "\u00a0", "\u3000", "\u2028",
    "\u2029", "\u0600", "👩‍👩‍👧‍👦", "🏳️‍🌈", "😀", "\U0010ffff", "\ufffe", "\uffff", "\ufffd", "\ue000",
    "＝1", "\u037e", "\u2126", "\U0001d7d8", "x" * TAG_LENGTH, "𝔘" * TAG_LENGTH, "\u0390" * 200,
)  # fmt: skip
_CONTROLS = [chr(n) for n in range(0x20) if chr(n) not in "\t\n"] + [
    chr(n) for n in range(0x7F, 0xA0)
]
_ANY = st.characters(exclude_categories=["Cs"], exclude_characters=_CONTROLS)
_LOUD = st.sampled_from(sorted({char for seed in SEEDS for char in seed}))

legal_tags = st.one_of(
    st.sampled_from(SEEDS),
    st.lists(st.sampled_from(SEEDS), min_size=2, max_size=4).map("".join),
    st.text(_LOUD | _ANY, min_size=1, max_size=40),
    st.text(_ANY, min_size=1, max_size=TAG_LENGTH),
).filter(lambda text: problem(text) is None)

# Each with the words that refuse it. Half a surrogate only JSON can carry.
illegal_tags = st.one_of(
    st.tuples(
        st.text(_LOUD, max_size=9), st.sampled_from(_CONTROLS[1:]), st.text(_LOUD, max_size=9)
    ).map(lambda parts: ("".join(parts), "contains a control character")),
    st.tuples(st.text(_LOUD, max_size=9), st.text(_LOUD, max_size=9)).map(
        lambda parts: ("\0".join(parts), "contains a NUL character")
    ),
    st.integers(1, 40).map(
        lambda n: ("ü" * (TAG_LENGTH + n), f"is {TAG_LENGTH + n} characters; the limit is 512")
    ),
)


def twins_of(text: str) -> list[str]:
    """Legal tags that someone, or some layer, might take for this one."""
    near = [
        text.swapcase(),
        text.casefold(),
        *(unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC")),
        f" {text}",
        f"{text} ",
        text.strip(),
        " ".join(text.split()),
        f"'{text}",
        f"{text}\n",
        text.replace("\n", " "),
        f"{text}\u200d",
        f'"{text}"',
        *text.split(",")[:2],
        text[:-1],
    ]
    return [one for one in dict.fromkeys(near) if one != text and problem(one) is None]

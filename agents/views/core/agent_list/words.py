"""A filter in words: the sentence that says what a list shows, and each of its parts."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents.core.tag_text import shown
from agents.queries.agents.address import FLAGS, TAG_PARTS, ListState, to_query

_FLAGS = {
    "untagged": "without tags",
    "userless": "without a user",
    "two_users": "with two or more users",
    "kept_here": "kept in ADE only",
    "unused": "not used for 30 days",
    "show_hidden": "including hidden ones",
}
_MODES = {"any": "any", "all": "all", "none": "not"}


@dataclass(frozen=True, slots=True)
class Part:
    """One value of a filter as a token shows it, and the list without it.

    `mode` says how it takes part, where that is not plain; `field` and `value` carry it in a form.
    """

    mode: str
    label: str
    field: str
    value: str
    left: ListState

    @property
    def url(self) -> str:
        """The list without this part."""
        return f"?{to_query(self.left)}"

    @property
    def words(self) -> str:
        """The part in a sentence that names only this part."""
        mode = "" if self.field in ("any", "all") else self.mode
        return f"{mode} {self.label}".strip()


def tag_parts(state: ListState) -> Iterator[Part]:
    """Each tag of the filter. For a single tag, any and all are the same."""
    several = len(state.any) + len(state.all) > 1
    for part in TAG_PARTS:
        for name in getattr(state, part):
            mode = _MODES[part] if several or part == "none" else ""
            yield Part(mode, name, part, name, state.without(part, name))


def other_parts(state: ListState) -> Iterator[Part]:
    """Each part of the filter other than tags."""
    for flag in FLAGS:
        if getattr(state, flag):
            yield Part("", _FLAGS[flag], flag, "1", state.changed(**{flag: False}))
    for model in state.models:
        yield Part("model", model, "model", model, state.without("models", model))
    for source in state.sources:
        yield Part("source", source, "source", source, state.without("sources", source))
    if state.q:
        yield Part("search", state.q, "q", state.q, state.changed(q=""))


def sentence(state: ListState) -> SafeString:
    """What a list shows, such as “Agents with all of a, b and not c”."""
    words = [SafeString("Agents"), *_tag_words(state)]
    words += [SafeString(_FLAGS[flag]) for flag in FLAGS if getattr(state, flag)]
    if state.models:
        words.append(format_html("on {}", _several("any of", state.models)))
    if state.sources:
        words.append(format_html("of the source {}", _several("any of", state.sources)))
    if state.q:
        what = "with the id {}" if state.is_id else "whose name holds {}"
        words.append(format_html(what, _names((state.q,))))
    return format_html_join(" ", "{}", ((word,) for word in words))


def _tag_words(state: ListState) -> list[SafeString]:
    wanted = [_several("all of", state.all), _several("any of", state.any)]
    wanted = [part for part in wanted if part]
    if not wanted:
        return [format_html("without {}", _several("any of", state.none))] if state.none else []
    words = [format_html("with {}", format_html_join(" and ", "{}", ((name,) for name in wanted)))]
    if state.none:
        lead = "and not {}" if len(state.none) == 1 else "and none of {}"
        words.append(format_html(lead, _names(state.none)))
    return words


def _several(which: str, names: tuple[str, ...]) -> SafeString:
    if not names:
        return SafeString()
    return _names(names) if len(names) == 1 else format_html("{} {}", which, _names(names))


def _names(names: tuple[str, ...]) -> SafeString:
    return format_html_join(", ", "<strong><bdi>{}</bdi></strong>", ((shown(n),) for n in names))

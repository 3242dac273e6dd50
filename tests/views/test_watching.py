"""POST /tags/watch/, and what the overview shows of watched tags."""

import pytest

from agents.core.limits import WATCHES
from agents.domain.directory.merge import merge_tags
from agents.domain.directory.rename import rename_tag
from agents.domain.tags.edit import change_tags
from agents.models import TagWatch
from tests.helpers import ROOT, make_agent
from tests.views.browsing import form_at, signed_in, soup, text_at

pytestmark = pytest.mark.django_db

PANEL = "section[aria-labelledby=watched]"


@pytest.mark.parametrize("page", ["tags", "users"])
def test_a_watched_tag_shows_its_changes_on_the_overview(page: str) -> None:
    agent = make_agent(name="Ada", tags=["user_1"])
    client = signed_in("viewer")
    assert soup(client.get("/")).select(PANEL) == []
    address = f"/{page}/one/?name=user_1"
    form = form_at(client.get(address), "form[action='/tags/watch/']")
    back = client.post("/tags/watch/", form, follow=True)
    assert back.redirect_chain == [(address, 303)]
    assert "You watch user_1" in text_at(back, ".message-success")
    change_tags(agent_id=agent.public_id, remove=["user_1"], actor=ROOT)
    change_tags(agent_id=agent.public_id, add=["vip"], actor=ROOT)
    shown = text_at(client.get("/"), PANEL)
    assert "user_1" in shown
    assert "vip" not in shown
    client.post("/tags/watch/", {"name": "user_1", "to": "off"})
    assert soup(client.get("/")).select(PANEL) == []


def test_watches_follow_a_rename_and_a_merge() -> None:
    make_agent(tags=["a", "b", "c"])
    client = signed_in("viewer")
    for name in ("a", "b", "a"):
        client.post("/tags/watch/", {"name": name})
    rename_tag(old="a", new="d", actor=ROOT)
    assert set(TagWatch.objects.values_list("name", flat=True)) == {"b", "d"}
    merge_tags(source="d", target="b", actor=ROOT)
    merge_tags(source="b", target="c", actor=ROOT)
    assert list(TagWatch.objects.values_list("name", flat=True)) == ["c"]
    assert soup(signed_in("editor").get("/")).select(PANEL) == []


def test_what_cannot_be_watched() -> None:
    make_agent(tags=[f"t{number}" for number in range(WATCHES + 1)])
    client = signed_in("viewer")
    assert client.post("/tags/watch/", {"name": "none"}).status_code == 404
    for number in range(WATCHES + 1):
        client.post("/tags/watch/", {"name": f"t{number}"})
    assert TagWatch.objects.count() == WATCHES

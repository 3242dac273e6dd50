"""GET /agents/<id>/ and its tabs; edits of name and settings."""

import pytest
from django.test import Client

from agents.domain.agents.write import delete_agent
from agents.domain.memory.new import NewBlock
from agents.models import Agent, ChangeSet
from tests.helpers import ROOT, everything, make_agent
from tests.views.browsing import HX, chips_in, form_at, is_page, signed_in, soup, text_at

pytestmark = pytest.mark.django_db

TABS = ["", "settings/", "memory/", "history/", "json/"]


@pytest.mark.parametrize("tab", TABS)
def test_it_works(tab: str) -> None:
    agent = make_agent(name="Bob", tags=["user_1"], blocks=[NewBlock("human", "Tea")])
    response = signed_in("viewer").get(f"/agents/{agent.public_id}/{tab}")
    assert response.status_code == 200
    assert text_at(response, "h1") == "Bob"
    assert len(soup(response).select(".tab[aria-current=page]")) == 1
    assert "HX-Request" in response["Vary"]


@pytest.mark.parametrize("tab", TABS)
def test_tab_for_htmx_is_a_fragment(tab: str) -> None:
    agent = make_agent()
    response = signed_in().get(f"/agents/{agent.public_id}/{tab}", headers=HX)
    assert response.status_code == 200
    assert not is_page(response)
    assert "HX-Request" in response["Vary"]


@pytest.mark.parametrize("tab", TABS)
def test_tab_of_an_unknown_agent_is_404(tab: str) -> None:
    assert signed_in().get(f"/agents/agent-0/{tab}").status_code == 404


@pytest.mark.parametrize("tab", TABS)
def test_tab_of_a_deleted_agent_says_who_deleted_it(tab: str) -> None:
    agent = make_agent()
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    response = signed_in().get(f"/agents/{agent.public_id}/{tab}")
    assert response.status_code == 404
    assert text_at(response, ".message").startswith("This agent was deleted by test at ")


@pytest.mark.parametrize("tab", TABS)
def test_tab_without_signing_in_leads_to_the_sign_in(tab: str) -> None:
    agent = make_agent()
    response = Client().get(f"/agents/{agent.public_id}/{tab}")
    assert response["Location"].startswith("/accounts/login/?next=")


def test_a_viewer_gets_tags_to_read_and_no_way_to_edit() -> None:
    agent = make_agent(tags=["a"], blocks=[NewBlock("human", "Tea")])
    client = signed_in("viewer")
    page = client.get(f"/agents/{agent.public_id}/settings/?edit=model")
    assert chips_in(page) == ["a"]
    for tab in TABS:
        response = client.get(f"/agents/{agent.public_id}/{tab}")
        assert soup(response).select("main form") == []


def test_the_page_escapes_what_people_wrote() -> None:
    evil = "<img src=x>"
    agent = make_agent(name=evil, description=evil, system=evil, tags=[evil])
    client = signed_in()
    for tab in TABS:
        response = client.get(f"/agents/{agent.public_id}/{tab}")
        assert soup(response).select("img") == []


# --- Settings -------------------------------------------------------------------------------


def settings_form(client: Client, agent: Agent) -> dict[str, str]:
    """What a browser would send for the form as it is shown."""
    return form_at(client.get(f"/agents/{agent.public_id}/settings/?edit=model"), "#model form")


def test_settings_are_saved_and_recorded() -> None:
    agent, client = make_agent(system="Old"), signed_in()
    data = settings_form(client, agent) | {
        "model": "openai/gpt-4.1",
        "context_window_limit": "64000",
        "embedding": "openai/text-embedding-3-small",
        "system": "One\r\ntwo ",
    }
    response = client.post(f"/agents/{agent.public_id}/settings/", data, headers=HX)
    assert response.status_code == 200
    agent = Agent.objects.select_related("detail").get(pk=agent.pk)
    assert agent.model == "openai/gpt-4.1"
    assert agent.context_window_limit == 64000
    assert agent.embedding == "openai/text-embedding-3-small"
    assert agent.detail.system == "One\ntwo "
    assert ChangeSet.objects.latest("id").actor_name == "editor"


def test_settings_without_htmx_lead_back_to_the_page() -> None:
    agent, client = make_agent(), signed_in()
    data = settings_form(client, agent) | {"model": "openai/gpt-4.1"}
    response = client.post(f"/agents/{agent.public_id}/settings/", data)
    assert (response.status_code, response["Location"]) == (
        303,
        f"/agents/{agent.public_id}/settings/#model",
    )


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("model", "gpt", "A model has the form provider/name."),
        ("model", "", "This field is required."),
        ("model", "a/" + "x" * 300, "The model handle is 302 characters; the limit is 256."),
        ("context_window_limit", "many", "Enter a whole number."),
        (
            "context_window_limit",
            "0",
            "The context window limit must be a whole number of tokens from 1 to 100,000,000.",
        ),
        ("embedding", "ada", "An embedding has the form provider/name."),
        ("system", "a\0b", "This contains a NUL character."),
    ],
)
def test_settings_that_break_a_rule_are_422_and_keep_the_text(
    field: str, text: str, message: str
) -> None:
    agent, client = make_agent(), signed_in()
    before = everything()
    data = settings_form(client, agent) | {field: text}
    for headers in ({}, HX):
        response = client.post(f"/agents/{agent.public_id}/settings/", data, headers=headers)
        assert response.status_code == 422
        assert text_at(response, f"#id_{field}_error") == message
        if "\0" not in text:
            assert form_at(response, "#model form")[field] == text
    assert everything() == before


def test_settings_left_as_they_were_record_nothing() -> None:
    agent, client = make_agent(system="One\r\ntwo"), signed_in()
    before = everything()
    data = settings_form(client, agent)
    assert client.post(f"/agents/{agent.public_id}/settings/", data).status_code == 303
    assert everything() == before


def test_two_who_edit_different_settings_both_keep_theirs() -> None:
    agent, one, other = make_agent(system="Old"), signed_in("editor"), signed_in("manager")
    first, second = settings_form(one, agent), settings_form(other, agent)
    one.post(f"/agents/{agent.public_id}/settings/", first | {"system": "New"})
    other.post(f"/agents/{agent.public_id}/settings/", second | {"model": "openai/gpt-4.1"})
    agent = Agent.objects.select_related("detail").get(pk=agent.pk)
    assert (agent.model, agent.detail.system) == ("openai/gpt-4.1", "New")


def test_a_setting_changed_meanwhile_is_409_once_and_then_overwritten() -> None:
    agent, one, other = make_agent(system="Old"), signed_in("editor"), signed_in("manager")
    path = f"/agents/{agent.public_id}/settings/"
    first, second = settings_form(one, agent), settings_form(other, agent)
    one.post(path, first | {"system": "Theirs"})
    response = other.post(path, second | {"system": "Mine"}, headers=HX)
    assert response.status_code == 409
    again = form_at(response, "form")
    assert again["system"] == "Mine"
    assert other.post(path, again, headers=HX).status_code == 200
    assert Agent.objects.get(pk=agent.pk).detail.system == "Mine"


def test_settings_by_a_viewer_are_403() -> None:
    agent, client = make_agent(), signed_in("viewer")
    before = everything()
    data = {"model": "openai/gpt-4.1"}
    assert client.post(f"/agents/{agent.public_id}/settings/", data).status_code == 403
    assert everything() == before


def test_settings_by_put_are_405() -> None:
    agent = make_agent()
    assert signed_in().put(f"/agents/{agent.public_id}/settings/").status_code == 405


# --- Name and description -------------------------------------------------------------------


def test_name_and_description_are_edited_in_place() -> None:
    agent, client = make_agent(name="Old"), signed_in()
    data = form_at(client.get(f"/agents/{agent.public_id}/?edit=about"), "#agent form")
    data |= {"name": "New", "description": "Helps"}
    response = client.post(f"/agents/{agent.public_id}/", data, headers=HX)
    assert response.status_code == 200
    assert text_at(response, "h1") == "New"
    assert Agent.objects.get(pk=agent.pk).description == "Helps"


def test_a_blank_name_is_422_and_changes_nothing() -> None:
    agent, client = make_agent(name="Old"), signed_in()
    response = client.post(f"/agents/{agent.public_id}/", {"name": " ", "description": ""})
    assert response.status_code == 422
    assert text_at(response, "#id_name_error") == "An agent needs a name."
    assert Agent.objects.get(pk=agent.pk).name == "Old"


def test_name_by_a_viewer_is_403() -> None:
    agent = make_agent()
    path = f"/agents/{agent.public_id}/"
    assert signed_in("viewer").post(path, {"name": "New"}).status_code == 403

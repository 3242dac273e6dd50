"""How answers are sent: compressed, without a body (HEAD), or not again (304)."""

import gzip
import zlib
from typing import Any

import brotli
import pytest
from bs4 import BeautifulSoup
from django.contrib.auth import get_user_model
from django.test import Client

from ade.server.content_coding import chosen, compressed_parts
from agents.domain.memory.new import NewBlock
from agents.domain.tags.edit import change_tags
from agents.domain.webhooks.write import create_webhook
from agents.models import ApiKey
from tests.accounts.people import sign_in
from tests.api.calls import call, make_token
from tests.helpers import ROOT, make_agent, make_user, tags_of

UNPACK = {"gzip": gzip.decompress, "br": brotli.decompress, "": bytes}
PAGES = ["/agents/", "/tags/", "/users/", "/history/", "/agents/new/", "/views/", "/bulk/"]
ACCEPT = {"Accept-Encoding": "gzip, br"}


def admin(**headers: str) -> Client:
    """A new browser of Ada, who is an admin."""
    if not get_user_model().objects.filter(username="ada").exists():
        make_user("ada", role="admin")
    client = Client(headers=headers)
    client.cookies = sign_in("ada").cookies
    return client


def many(number: int = 5) -> str:
    """Agents whose answers are above 1 kB; the id of the last."""
    agents = [make_agent(tags=["user_1", f"label {n}"]) for n in range(number)]
    return agents[-1].public_id


@pytest.mark.parametrize(
    ("accept", "coding", "of_small"),
    [
        ("", "", ""),
        ("gzip", "gzip", ""),
        ("GZip", "gzip", ""),
        ("x-gzip", "gzip", ""),
        ("br", "br", ""),
        ("gzip, deflate, br, zstd", "br", ""),
        ("br;q=0.5, gzip;q=0.8", "gzip", ""),
        ("gzip;q=0, br;q=0", "", ""),
        ("gzip; q=0", "", ""),
        ("*", "br", ""),
        ("*;q=0", "", ""),
        ("br;q=0, *", "gzip", ""),
        ("gzip, *;q=0", "gzip", "gzip"),
        ("identity", "", ""),
        ("identity, gzip;q=0.5", "", ""),
        ("identity;q=0.5, gzip", "gzip", ""),
        ("identity;q=0, gzip", "gzip", "gzip"),
        ("identity;q=0", "", ""),
        ("deflate, zstd, compress", "", ""),
        ("gzip;q=often", "", ""),
        ("gzip;q=1.5", "", ""),
        ("gzip;q=nan", "", ""),
        (",;,gzip,", "gzip", ""),
    ],
)
def test_the_coding_is_the_one_that_the_client_wants_most(
    accept: str, coding: str, of_small: str
) -> None:
    assert (chosen(accept), chosen(accept, small=True)) == (coding, of_small)


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_each_part_of_a_stream_can_be_read_before_the_next_is_made(coding: str) -> None:
    reader: Any = zlib.decompressobj(16 + zlib.MAX_WBITS) if coding == "gzip" else None
    pressed = brotli.Decompressor()
    read = reader.decompress if reader else pressed.process
    parts = compressed_parts((b"%d," % n * 1000 for n in range(10**9)), coding)
    for n in range(3):
        assert read(next(parts)) == b"%d," % n * 1000


@pytest.mark.django_db
@pytest.mark.parametrize("coding", ["gzip", "br"])
@pytest.mark.parametrize("path", ["/v1/agents/", "/v1/openapi.json", "/v1/agents/{}"])
def test_the_api_is_compressed(path: str, coding: str) -> None:
    url, token = path.format(many()), make_token()
    whole = call("GET", url, token=token)
    packed = call("GET", url, token=token, Accept_Encoding=coding)
    assert packed.headers["Content-Encoding"] == coding
    assert UNPACK[coding](packed.content) == whole.content
    assert len(packed.content) < len(whole.content)
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert "Accept-Encoding" in whole.headers["Vary"]
    assert "Content-Encoding" not in whole.headers
    if "ETag" in whole.headers:
        assert packed.headers["ETag"] == f'{whole.headers["ETag"][:-1]}-{coding}"'


@pytest.mark.django_db
@pytest.mark.parametrize("path", PAGES)
def test_pages_are_compressed_and_their_length_is_that_of_what_is_sent(path: str) -> None:
    many()
    page = admin(**ACCEPT).get(path)
    assert (page.status_code, page.headers["Content-Encoding"]) == (200, "br")
    assert int(page.headers["Content-Length"]) == len(page.content)
    assert b"</html>" in brotli.decompress(page.content)


@pytest.mark.django_db
def test_a_small_answer_is_sent_as_it_is() -> None:
    answer = call("GET", "/v1/agents/count", Accept_Encoding="gzip")
    assert (answer.content, answer.headers.get("Content-Encoding")) == (b"0", None)


@pytest.mark.django_db
@pytest.mark.parametrize("coding", ["gzip", "br"])
@pytest.mark.parametrize("path", ["/agents/export.csv", "/tags/export.csv"])
def test_csv_is_compressed_in_parts(path: str, coding: str) -> None:
    many()
    plain, packed = (admin(**headers).get(path) for headers in ({}, {"Accept-Encoding": coding}))
    assert packed.streaming
    assert packed.headers["Content-Encoding"] == coding
    assert UNPACK[coding](packed.getvalue()) == plain.getvalue()


@pytest.mark.django_db
def test_what_shows_a_secret_is_never_compressed() -> None:
    hook = create_webhook(url="https://app.example/hook", actor=ROOT).webhook.public_id
    member = make_user("mara").pk
    token = make_token(scope="manage")
    key = {"name": "k", "limit_tag": "x" * 500, "may_tag": ["y" * 500, "z" * 500]}
    address = {"url": "https://app.example/" + "x" * 1100}
    form = {"name": "k", "scope": "read", "reach": "all"}
    known = ApiKey.objects.get().key_id
    shown = [
        admin(**ACCEPT).post("/keys/", form),
        admin(**ACCEPT).post(f"/keys/{known}/rotate/", {"overlap": "3600"}),
        admin(**ACCEPT).post("/webhooks/", address | {"about": "all", "which": "all"}),
        admin(**ACCEPT).post(f"/webhooks/{hook}/rotate/"),
        admin(**ACCEPT).post(f"/members/{member}/link/"),
        admin(**ACCEPT).get("/accounts/"),
        Client(headers=ACCEPT).get("/accounts/login/"),
        call("POST", "/v1/keys/", key, token=token, Accept_Encoding="gzip, br"),
        call("POST", "/v1/webhooks/", address, token=token, Accept_Encoding="gzip, br"),
    ]
    for answer in shown:
        path = answer.request["PATH_INFO"]
        assert (path, answer.status_code) == (path, 200)
        assert (path, len(answer.content) > 1024) == (path, True)
        assert (path, answer.headers.get("Content-Encoding")) == (path, None)


@pytest.mark.django_db
def test_the_token_of_a_form_differs_in_each_answer() -> None:
    client = admin()
    pages = [BeautifulSoup(client.get("/agents/new/").content, "lxml") for _ in range(3)]
    tokens = {page.select_one("[name=csrfmiddlewaretoken]")["value"] for page in pages}
    assert len(tokens) == 3


# --- Known answers --------------------------------------------------------------------------

LISTS = ["/v1/agents/", "/v1/tags/", "/v1/blocks/"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("coding", "form"), [("", "{}"), ("", "W/{}"), ("gzip", '"x", {}'), ("br", "W/{},*"), ("", "*")]
)
@pytest.mark.parametrize("path", ["/v1/agents/{}", *LISTS])
def test_a_client_that_has_the_answer_gets_304(path: str, coding: str, form: str) -> None:
    url, token = path.format(many()), make_token()
    first = call("GET", url, token=token, Accept_Encoding=coding)
    etag = first.headers["ETag"]
    about = {"token": token, "Accept_Encoding": coding, "If_None_Match": form.format(etag)}
    again = call("GET", url, **about)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == etag
    assert again.headers["Vary"] == first.headers["Vary"]
    assert "Content-Encoding" not in again.headers
    make_agent(tags=["another"], blocks=[NewBlock("human", "new")])
    if path == "/v1/agents/{}":
        change_tags(agent_id=url.rpartition("/")[2], add=["another"], actor=ROOT)
    if "*" not in form:
        assert call("GET", url, **about).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["", "x", '"x"', "W/", "null", '"', "é"])
def test_another_etag_gets_the_answer(header: str) -> None:
    assert call("GET", f"/v1/agents/{many()}", If_None_Match=header).status_code == 200


@pytest.mark.django_db
def test_the_etag_of_a_list_says_nothing_of_agents_that_a_key_may_not_see() -> None:
    make_agent(tags=["user_1"])
    token = make_token(limit_tag="user_1")
    paths = [*LISTS, "/v1/agents/?tags=user_2"]
    before = [call("GET", path, token=token).headers["ETag"] for path in paths]
    make_agent(tags=["user_2", "more"], blocks=[NewBlock("human", "other")])
    assert [call("GET", path, token=token).headers["ETag"] for path in paths] == before


@pytest.mark.django_db
@pytest.mark.parametrize("form", ['{}-gzip"', '{}-br"', 'W/{}"', 'W/{}-gzip"', '{}-zstd"', '{}"'])
def test_if_match_takes_what_a_compressing_proxy_makes_of_an_etag(form: str) -> None:
    agent = make_agent(tags=["a"])
    url = f"/v1/agents/{agent.public_id}"
    given = form.format(call("GET", url).headers["ETag"][:-1])
    assert call("PATCH", url, {"tags": ["b"]}, If_Match=given).status_code == 200
    assert call("PATCH", url, {"tags": ["c"]}, If_Match=given).status_code == 412
    assert call("POST", f"{url}/tags", {"add": ["c"]}, If_Match=given).status_code == 412
    assert call("DELETE", url, If_Match=given).status_code == 412
    assert tags_of(agent) == ["b"]


@pytest.mark.django_db
def test_an_etag_of_a_compressed_answer_can_be_matched() -> None:
    url = f"/v1/agents/{many()}"
    for coding in ("gzip", "br"):
        etag = call("GET", url, Accept_Encoding=coding).headers["ETag"]
        assert etag.endswith(f'-{coding}"')
        done = call("PATCH", url, {"description": coding}, If_Match=etag)
        assert done.status_code == 200


# --- HEAD -----------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("accept", ["", "gzip"])
def test_head_has_the_headers_of_get_and_no_body(accept: str) -> None:
    url, token = f"/v1/agents/{many()}", make_token()
    got, headed = (
        call(method, url, token=token, Accept_Encoding=accept) for method in ("GET", "HEAD")
    )
    assert (headed.status_code, headed.content) == (200, b"")
    assert int(headed.headers["Content-Length"]) == len(got.content)
    own = ("X-Request-ID", "Content-Length")
    assert {name: value for name, value in headed.headers.items() if name not in own} == {
        name: value for name, value in got.headers.items() if name not in own
    }
    known = call("HEAD", url, token=token, If_None_Match=got.headers["ETag"])
    assert known.status_code == 304


@pytest.mark.django_db
def test_head_of_a_file_begins_no_export() -> None:
    for _ in range(5):  # two are made at a time
        answer = admin().head("/agents/export.csv")
        assert (answer.status_code, answer.getvalue()) == (200, b"")

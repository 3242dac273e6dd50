"""Several agent files at once: one by one, in a zip file, as a folder; and agents out as a zip."""

import io
import json
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from agents.core.errors import Invalid
from agents.domain.transfer import many_files
from agents.domain.transfer.agent_file import TooMuch
from agents.domain.transfer.many_files import parse_files
from agents.models import Agent, Block
from tests.api.calls import make_token
from tests.helpers import make_agent, tags_of
from tests.views.browsing import signed_in, soup

pytestmark = pytest.mark.django_db


def agent_file(name: str, **more: Any) -> bytes:
    agent = {"id": "agent-0", "name": name, "model": "a/b", "tags": ["t"], "block_ids": ["block-0"]}
    block = {"id": "block-0", "label": "human", "value": f"of {name}"}
    return json.dumps({"agents": [agent | more], "blocks": [block]}).encode()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def names() -> list[str]:
    return sorted(Agent.objects.values_list("name", flat=True))


MIXED = {
    "a.af": agent_file("A"),
    "in/b.af": agent_file("B"),
    "in/legacy.json": json.dumps({"name": "C", "core_memory": [], "model": "a/b"}).encode(),
    "again/copy of a.af": agent_file("A"),
    "README.md": b"# not an agent",
    "package.json": b'{"name": "x", "version": "1"}',
    ".git/hidden.af": b"broken",
    "__MACOSX/._a.af": b"broken",
    "folder/": b"",
}


def test_a_zip_file_is_read_and_the_rest_of_it_reported() -> None:
    file = parse_files([("all.zip", zipped(MIXED))])
    assert [agent.name for agent in file.agents] == ["A", "B", "C"]
    assert file.skipped == ["again/copy of a.af (a copy)", "README.md", "package.json"]


def test_blocks_of_different_files_are_not_shared() -> None:
    client = signed_in("editor")
    given = [SimpleUploadedFile(f"{name}.af", agent_file(name)) for name in "ABC"]
    assert client.post("/agents/upload/", {"file": given}).status_code == 303
    assert names() == ["A", "B", "C"]
    assert set(Block.objects.values_list("value", flat=True)) == {"of A", "of B", "of C"}


@pytest.mark.parametrize(
    "files",
    [
        {"a.af": agent_file("A"), "broken.af": b"{"},
        {"a.af": agent_file("A"), "b.af": agent_file("B", tags=[""])},
        {"README.md": b"x"},
        {},
    ],
)
def test_all_or_none(files: dict[str, bytes]) -> None:
    response = signed_in("editor").post(
        "/agents/upload/", {"file": SimpleUploadedFile("all.zip", zipped(files))}
    )
    assert response.status_code == 422
    assert "Nothing was imported." in soup(response).get_text()
    assert names() == []


def test_the_page_reports_what_it_skipped() -> None:
    client = signed_in("editor")
    client.post("/agents/upload/", {"file": SimpleUploadedFile("all.zip", zipped(MIXED))})
    text = soup(client.get("/agents/upload/")).get_text(" ", strip=True)
    assert "Skipped 3 files that are no agent files" in text
    assert names() == ["A", "B", "C"]


def test_the_api_takes_a_zip_and_several_files() -> None:
    client = Client(headers={"Authorization": f"Bearer {make_token()}"})
    several = [
        SimpleUploadedFile("all.zip", zipped({"a.af": agent_file("A"), "b.af": agent_file("B")})),
        SimpleUploadedFile("c.af", agent_file("C")),
    ]
    answer = client.post("/v1/agents/import", {"file": several, "append_copy_suffix": "false"})
    assert len(answer.json()["agent_ids"]) == 3
    assert names() == ["A", "B", "C"]
    broken = SimpleUploadedFile("all.zip", zipped({"a.af": b"{"}))
    answer = client.post("/v1/agents/import", {"file": broken})
    assert (answer.status_code, names()) == (400, ["A", "B", "C"])


def test_the_command_takes_a_folder_and_a_zip(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in" / ".hidden").mkdir(parents=True)
    (tmp_path / "a.af").write_bytes(agent_file("A"))
    (tmp_path / "in" / "more.zip").write_bytes(zipped({"b.af": agent_file("B"), "x.txt": b""}))
    (tmp_path / "in" / "package.json").write_text("{}")
    (tmp_path / "in" / ".hidden" / "c.af").write_bytes(b"broken")
    call_command("import_agents", str(tmp_path))
    said = capsys.readouterr().out
    assert "package.json: skipped: is no agent file" in said
    assert "more.zip: skipped: x.txt" in said
    assert names() == ["A", "B"]
    with pytest.raises(CommandError):
        call_command("import_agents", str(tmp_path / "in" / "package.json"))


def test_the_folder_of_letta_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("agents", "conversations/x", "providers", "memfs"):
        (tmp_path / folder).mkdir(parents=True)
    for number in (1, 2):
        record = {
            "id": f"agent-local-{number}", "name": f"n{number}", "system": "", "model": "a/b",
            "tags": [f"user_{number}", "origin:letta-code"], "model_settings": {},
        }  # fmt: skip
        (tmp_path / "agents" / f"YWdlbnQ{number}.json").write_text(json.dumps(record))
    (tmp_path / "conversations" / "x" / "conversation.json").write_text("{}")
    (tmp_path / "providers" / "auth.json").write_text(
        '{"name": "secret", "model": "x", "tags": []}'
    )
    call_command("import_agents", str(tmp_path))
    assert "not kept: conversations and memory files" in capsys.readouterr().out
    assert names() == ["n1", "n2"]
    assert tags_of(Agent.objects.get(name="n1")) == ["origin:letta-code", "user_1"]
    call_command("import_agents", str(tmp_path / "agents"))
    assert names() == ["n1", "n2"]


# --- Bounds ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (zipped({"bomb.af": b" " * 15_000_000}), "compressed more than 200 times"),
        (zipped({f"{n}.af": b"x" for n in range(501)}), "has 501 files; the limit is 500"),
        (b"PK\x03\x04" + b"x" * 100, "damaged or unusual zip file"),
        (zipped({"a.af": agent_file("A")})[:-30], "damaged or unusual zip file"),
        (zipped({"inner.zip": zipped({"a.af": agent_file("A")})}), "has no agent files"),
    ],
)
def test_zip_files_that_are_refused(data: bytes, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_files([("all.zip", data)])
    assert why in refused.value.message


def test_bytes_are_bounded_over_all_entries(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000
    files = {f"{n}.af": agent_file(f"{n}", description="d" * 9_000) for n in range(20)}
    with pytest.raises(Invalid) as refused:
        parse_files([("all.zip", zipped(files, zipfile.ZIP_STORED))])
    assert "unpacked, the files have more than 100,000 bytes" in refused.value.message


def test_an_entry_that_lies_about_its_size_is_read_no_further() -> None:
    data = bytearray(zipped({"a.af": b" " * 5_000_000 + agent_file("A")}))
    size = (5_000_000 + len(agent_file("A"))).to_bytes(4, "little")
    while (place := data.find(size)) >= 0:
        data[place : place + 4] = (100).to_bytes(4, "little")
    with pytest.raises(Invalid):
        parse_files([("all.zip", bytes(data))])


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_that_python_unpacks_whole_is_refused(method: int) -> None:
    """50 MB, of which the zip file says that they are 100 bytes."""
    data = bytearray(zipped({"a.af": b" " * 50_000_000}, method))
    size = (50_000_000).to_bytes(4, "little")
    while (place := data.find(size)) >= 0:
        data[place : place + 4] = (100).to_bytes(4, "little")
    tracemalloc.start()
    with pytest.raises(Invalid, match="its compression is unusual"):
        parse_files([("all.zip", bytes(data))])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5_000_000


def test_names_are_counted_before_they_are_read() -> None:
    entry = b"PK\x01\x02" + bytes(24) + b"\x01" + bytes(17) + b"a"
    count = 200_000
    end = b"PK\x05\x06" + bytes(8) + (len(entry) * count).to_bytes(4, "little") + bytes(6)
    tracemalloc.start()
    with pytest.raises(TooMuch, match="names more than 10,000 files"):
        parse_files([("all.zip", b"PK\x03\x04" + entry * count + end)])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20_000_000


def test_agents_are_bounded_over_all_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many_files, "IMPORT_AGENTS", 2)
    files = [(f"{n}.af", agent_file(f"{n}")) for n in range(3)]
    with pytest.raises(TooMuch):
        parse_files(files)
    assert len(parse_files(files, bounded=False).agents) == 3


# --- Out ---------------------------------------------------------------------------------------


def test_agents_go_out_as_a_zip_and_come_back_in() -> None:
    for number in range(3):
        make_agent(name=f"n/{number}", tags=["user_1", f"t{number}"])
    make_agent(name="other", tags=["user_2"])
    client = signed_in("editor")
    response = client.get("/agents/export.zip?any=user_1")
    assert response["Content-Type"] == "application/zip"
    data = response.getvalue()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert sorted(name[:4] for name in archive.namelist()) == ["n_0-", "n_1-", "n_2-"]
    Agent.objects.update(name="old")
    client.post("/agents/upload/", {"file": SimpleUploadedFile("all.zip", data)})
    made = Agent.objects.exclude(name="old")
    assert {agent.name: tags_of(agent) for agent in made} == {
        f"n/{number}": [f"t{number}", "user_1"] for number in range(3)
    }


def test_too_many_agents_for_a_zip_are_refused_before_any_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agents.views.transfer.export.EXPORT_AGENTS", 1)
    make_agent(), make_agent()
    response = signed_in("viewer").get("/agents/export.zip")
    assert response.status_code == 422
    assert "Narrow the filter" in response.content.decode()


def test_the_api_gives_a_zip_of_the_agents_of_a_filter() -> None:
    make_agent(name="a", tags=["user_1"])
    make_agent(name="b", tags=["user_2"])
    for limit, query, wanted in ((None, "?tags=user_1", 1), (None, "", 2), ("user_2", "", 1)):
        token = make_token(limit_tag=limit) if limit else make_token()
        client = Client(headers={"Authorization": f"Bearer {token}"})
        response: Any = client.get(f"/v1/agents/export{query}")
        assert response["Content-Type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(response.getvalue())) as archive:
            assert len(archive.namelist()) == wanted

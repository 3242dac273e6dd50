"""bin/packages.py finds what lies off the PATH, and asks for what it cannot install."""

import packages
import pytest


@pytest.fixture
def want(monkeypatch, tmp_path):
    """A program that lies at the given places, on a machine without a PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def want(*places: str) -> None:
        wanted = packages.Wanted("Gizmo", ("gizmo",), places, ("gizmo-server",))
        monkeypatch.setitem(packages.WANTED, "gizmo", wanted)

    return want


def test_the_newest_is_found_off_the_path(want, tmp_path):
    for version in ("9", "15", "14"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "gizmo").touch()
    want(f"{tmp_path.relative_to('/')}/*/gizmo")
    assert packages.need("gizmo") == str(tmp_path / "15/gizmo")


def test_one_sentence_says_what_to_install(want):
    want("no/such/place")
    with pytest.raises(SystemExit) as stopped:
        packages.need("gizmo")
    assert stopped.value.code == (
        "Gizmo is needed and was not found: run sudo apt-get install gizmo-server"
    )

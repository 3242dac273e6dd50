"""bin/suite.py counts what several runs of pytest did, and is strict in CI."""

import pytest
import suite

pytestmark = [pytest.mark.prove, pytest.mark.only_sqlite]  # tests the test runner

TESTS = """
import pytest

def test_good():
    pass

def test_bad():
    assert False

@pytest.fixture
def broken_at_the_end():
    yield
    assert False

def test_bad_at_the_end(broken_at_the_end):
    pass

def test_skipped():
    pytest.skip("for a reason")

def test_good_alone(pytestconfig):
    assert pytestconfig.getoption("lf")
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Run the tests above with what is given to pytest; the status and the last line printed."""
    (tmp_path / "test_some.py").write_text(TESTS)
    bare = ("-c", "/dev/null", "-p", "no:schemathesis")  # without Django each run takes a second
    monkeypatch.delenv("CI", raising=False)

    def run(*arguments: str, times: int = 1) -> tuple[int, str]:
        stages = [suite.Stage(f"Run {n}", (*bare, str(tmp_path))) for n in range(times)]
        monkeypatch.setitem(suite.STAGES, "tried", stages)
        status = suite.main("tried", *arguments)
        return status, capfd.readouterr().out.splitlines()[-1]

    return run


def test_all_runs_are_added_up(run):
    assert run(times=2) == (1, "4 passed, 4 failed, 2 skipped")


def test_what_passes_alone_does_not_fail_the_run(run, capfd):
    assert run("-k", "test_good") == (0, "2 passed, 0 failed, 0 skipped")


def test_a_skipped_test_fails_only_in_ci(run, monkeypatch):
    assert run("-k", "(test_good and not alone) or test_skipped") == (
        0,
        "1 passed, 0 failed, 1 skipped",
    )
    monkeypatch.setenv("CI", "true")
    assert run("-k", "(test_good and not alone) or test_skipped") == (
        1,
        "1 passed, 0 failed, 1 skipped",
    )


def test_a_run_without_tests_or_with_a_wrong_option_fails(run):
    assert run("-k", "nothing_of_this_name") == (1, "0 passed, 0 failed, 0 skipped")
    assert run("--no-such-option") == (1, "0 passed, 1 failed, 0 skipped")

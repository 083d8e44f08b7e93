"""The suite reads nothing of the caller's account: it passes in one that would break it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import foreign
from tests.isolation import SETTINGS, UMASK, without_settings

REPRESENTATIVE = (
    # Git, with and without a repository, and what it ignores.
    *("tests/engine/test_git.py", "tests/engine/test_checkout.py"),
    *("tests/recommender/test_worktrees.py", "tests/recommender/modes/test_gitignore.py"),
    # Modes of new files, and patches.
    *("tests/writer/test_apply.py", "tests/cli/test_init.py", "tests/formats/test_diff.py"),
    # Widths, colours, locales and times.
    *("tests/cli/test_exits.py", "tests/cli/test_ls.py", "tests/formats/test_golden.py"),
    # Programs of others.
    *("tests/clean/test_plan.py", "tests/integrations/test_workflows.py"),
)
LONG = " or ".join(
    (
        *("files_of_a_clone and not classic", "many_worktrees_are_read", "a_closed_pipe"),
        *("left_waiting_for_an_odd_file", "a_fifo_that_the_configuration_includes"),
    )
)
"""Half of the time goes to these tests, which read what others of their files read."""


@pytest.mark.parametrize("seed", ["1", "2"])
def test_a_part_of_the_suite_passes_in_a_foreign_account(
    seed: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In a random order, with its hash seed; a half of the tests for each."""
    share = [*REPRESENTATIVE[int(seed) - 1 :: 2]]
    with tempfile.TemporaryDirectory() as trees:  # a socket's path must be short
        words = ["-n", "0", "--basetemp", f"{trees}/t", "-k", f"not ({LONG})", *share]
        done = foreign.suite(tmp_path / "home", words, seed, os.environ)
    written = capfd.readouterr().out
    assert done.returncode == 0, written
    assert re.search(r"\[100%\]", written)


def test_the_foreign_account_breaks_what_reads_it(tmp_path: Path) -> None:
    """Else the test above would prove nothing."""
    environment = foreign.surroundings(tmp_path / "home", os.environ)
    del environment["GIT_DIR"], environment["GIT_CONFIG_COUNT"]

    def asked(*words: str) -> str:
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    lfs = asked("git", "config", "--system", "filter.lfs.clean")
    assert (lfs, asked("git", "config", "--global", "core.autocrlf")) == ("false", "true")
    assert asked("date", "+%Z") not in ("UTC", "")
    isolated = {**without_settings(environment, tmp_path / "other"), "PATH": environment["PATH"]}
    command = ["git", "config", "--list"]
    done = subprocess.run(command, cwd=tmp_path, env=isolated, capture_output=True, check=False)
    assert b"lfs" not in done.stdout


def test_only_named_variables_are_kept(tmp_path: Path) -> None:
    given = {**foreign.VARIABLES, "CI": "true", "PATH": "/bin", "CTXSIZE_ENGINES": "all"}
    kept = without_settings({**given, "HOME": "/nonexistent"}, tmp_path)
    own = {**SETTINGS, "HOME": str(tmp_path)}
    assert kept == {**own, "CI": "true", "PATH": "/bin", "CTXSIZE_ENGINES": "all"}


def test_this_process_is_isolated() -> None:
    mask = os.umask(UMASK)
    assert mask == UMASK
    assert {name: os.environ[name] for name in SETTINGS} == SETTINGS
    assert [name for name in os.environ if name in foreign.VARIABLES and name not in SETTINGS] == []
    assert [each.name for each in Path.home().iterdir() if each.name.startswith(".git")] == []


FAILING = """
import pytest

@pytest.mark.parametrize("number", range(40))
def test_a(number):
    if number == 3:
        print("now", flush=True)
        raise ValueError("the reason")
"""


@pytest.mark.parametrize("processes", ["0", "1"])
def test_a_failure_is_named_at_once(tmp_path: Path, processes: str) -> None:
    (tmp_path / "test_failing.py").write_text(FAILING)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", processes, "-p", "tests.conftest"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(foreign.ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    before_the_end = done.stdout.partition("= FAILURES =")[0]
    assert "FAILED test_failing.py::test_a[3] (call)\n" in before_the_end, done.stdout + done.stderr
    assert "ValueError: the reason" in before_the_end


def test_isolation_leaves_no_home_behind() -> None:
    code = (
        "import os; from tests.isolation import isolate; end = isolate();"
        "home = os.environ['HOME']; assert os.listdir(home) == []; end();"
        "assert not os.path.exists(home)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=foreign.ROOT, check=True)

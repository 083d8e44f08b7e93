"""Several processes give the answer that one gives, whole reports alike."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ctxsize.engine import parallel
from ctxsize.engine.automaton import fastest
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.measure import measure
from ctxsize.engine.request import resolve
from ctxsize.errors import BuildFailsError
from tests.oracles import processes

IGNORE_FILES = {
    "none": "",
    "typical": "**/node_modules\n*.log\nout\n",
    "exceptions": "*\n!svc-0*/**/keep*\n!svc-11\n**/deep\n",
    "allow list": "*\n!**/*.js\n",
    "arrives empty": "svc-03\n!svc-03/pkg-1\n**/svc-03\n",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough directories for parts, with every kind of entry whose place matters."""
    root = tmp_path_factory.mktemp("parallel") / "context"
    for service in range(24):
        for package in range(12):
            directory = root / f"svc-{service:02}" / f"pkg-{package}"
            (directory / "deep" / "er").mkdir(parents=True)
            for number in range(package):
                (directory / f"f{number}.js").write_bytes(b"x" * (number * 9_000 % 70_000))
            (directory / "deep" / "keep.txt").write_text("kept")
        (root / f"svc-{service:02}" / "build.log").write_text("log")
        (root / f"svc-{service:02}" / "link").symlink_to("../svc-00")
    return root


def request_for(tree: Path, ignore_file: str, builder: str = "buildkit"):
    (tree / ".dockerignore").write_text(IGNORE_FILES[ignore_file])
    return resolve(str(tree), builder=BUILDERS[builder])


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("ignore_file", IGNORE_FILES)
def test_same_report(tree: Path, ignore_file: str, everything: bool, builder: str) -> None:
    request = request_for(tree, ignore_file, builder)
    alone = measure(request, everything=everything, jobs=1)
    assert measure(request, everything=everything, jobs=2) == alone
    assert measure(request, everything=everything, jobs=3) == alone


def test_the_tree_is_large_enough(tree: Path) -> None:
    request = request_for(tree, "none")
    task = parallel._Task(request, False, 10, fastest(request.spec), None)
    assert len(parallel._cuts(task)) >= 100


def test_a_file_with_names_in_several_parts(tree: Path) -> None:
    first, second = tree / "svc-02/pkg-3/f1.js", tree / "svc-20/pkg-3/again.js"
    os.link(first, second)
    try:
        for ignore_file in ("none", "typical"):
            request = request_for(tree, ignore_file)
            report = measure(request, jobs=2)
            assert report == measure(request, jobs=1)
            assert report.context.hardlinks == 1
    finally:
        second.unlink()


def test_the_first_failure_is_told(tree: Path) -> None:
    """As a user whom permissions hold: the first directory of two in the walk's order."""
    code = (
        "import sys; from ctxsize.engine.request import resolve; "
        "from ctxsize.engine.measure import measure\n"
        "try: measure(resolve(sys.argv[1]), jobs=2)\n"
        "except Exception as error: print(type(error).__name__, error.path)"
    )
    request_for(tree, "none")
    locked = [tree / "svc-05/pkg-1/deep", tree / "svc-19/pkg-2/deep"]
    for directory in locked:
        directory.chmod(0)
    try:
        told = run_python(code, tree, without_root_powers=os.geteuid() == 0)
    finally:
        for directory in locked:
            directory.chmod(0o755)
    assert told.split() == [BuildFailsError.__name__, "svc-05/pkg-1/deep"]


def test_a_worker_that_dies_costs_nothing_but_time(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_for(tree, "typical")
    alone = measure(request, jobs=1)
    started = os.getpid()
    walk = parallel._Task.gather

    def dies_in_a_worker(task, start="", progress=None):
        if os.getpid() != started:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.001)
        return walk(task, start, progress)

    monkeypatch.setattr(parallel._Task, "gather", dies_in_a_worker)
    assert measure(request, jobs=2) == alone


def test_no_child_is_left(tree: Path) -> None:
    """In a process of its own, which has no other children."""
    code = (
        "import os, sys; from ctxsize.engine.request import resolve; "
        "from ctxsize.engine.measure import measure\n"
        "measure(resolve(sys.argv[1]), jobs=3)\n"
        "try: os.waitpid(-1, os.WNOHANG)\n"
        "except ChildProcessError: print('none')"
    )
    request_for(tree, "none")
    assert run_python(code, tree).split() == ["none"]


def run_python(code: str, tree: Path, *, without_root_powers: bool = False) -> str:
    """What `code` prints in a new interpreter, `tree` being its argument."""
    argv = [sys.executable, "-c", code, str(tree)]
    done = subprocess.run(
        processes.without_root_powers(argv) if without_root_powers else argv,
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout

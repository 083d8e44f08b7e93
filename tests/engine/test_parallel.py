"""Several processes give the answer that one gives, whole reports alike."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.engine import parallel
from ctxsize.engine import walk as walking
from ctxsize.engine.automaton import fastest
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.bulk import Bulk
from ctxsize.engine.events import Files, LeftOut
from ctxsize.engine.measure import measure
from ctxsize.engine.names import Listing
from ctxsize.engine.request import resolve
from ctxsize.engine.walk import Walk
from ctxsize.errors import BuildFailsError
from tests.engine.ours import EAGER, LeavesOut, measured_in_parts, patched
from tests.oracles import processes
from tests.oracles.trees import build_tree, file

IGNORE_FILES = {
    "none": "",
    "typical": "**/node_modules\n*.log\nout\n",
    "exceptions": "*\n!svc-0*/**/keep*\n!svc-11\n**/deep\n",
    "allow list": "*\n!**/*.js\n",
    "arrives empty": "svc-03\n!svc-03/pkg-1\n**/svc-03\n",
}


@pytest.fixture(autouse=True)
def _eager() -> Iterator[None]:
    with patched(parallel, **EAGER):
        yield


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


def test_others_help(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And are helped: some of what was left to them they leave to others."""
    monkeypatch.setattr(parallel, "_merged", lambda *gathered: gathered)
    for _ in range(100):  # who is there in time is a matter of chance
        steps, found = parallel._gathered(task_for(tree), None, 2)
        by_main = {step.rest for step in steps if isinstance(step, LeftOut)}
        if len(found) > 2 and not found.keys() <= by_main:
            break
    else:
        raise AssertionError("nobody helps")


def task_for(tree: Path) -> parallel._Task:
    request = request_for(tree, "none")
    return parallel._Task(request, False, 10, fastest(request.spec), Bulk(), {})


def test_files_of_one_directory(tmp_path: Path) -> None:
    """Are left to another walk as far as to list them again is worth it."""
    root = build_tree(tmp_path / "ctx", [f"{number:04}" for number in range(2400)])
    request = resolve(str(root))
    walk = Walk(request)
    events = iter(walk)
    first = [next(events), next(events)]
    assert walk.leave_out() is None
    with patched(walking, _MANY=500):
        rest = walk.leave_out()
        assert walk.leave_out() is None
    assert rest is not None
    others = [*Walk(request, part=rest)]
    names = [
        name
        for event in [*first, *events, *others]
        if isinstance(event, Files)
        for name in event.names
    ]
    assert names == [f"{number:04}" for number in range(2400)]
    assert sum(len(event.names) for event in others) == 864
    assert measure(request, jobs=2) == measure(request, jobs=1)


def test_a_long_listing_is_handed_on(tmp_path: Path) -> None:
    """A process that is forked meanwhile knows the names, of which none has come since."""
    names = [f"{number:04}" for number in range(900)]
    root = build_tree(tmp_path / "ctx", names)
    request = resolve(str(root))
    listings: dict[str, Listing] = {}
    walk = Walk(request, listings=listings)
    with patched(walking, _MANY=1, _LONG=900):
        events = iter(walk)
        first = next(events)
        rest = walk.leave_out()
        (root / "0899-new").touch()
        others = [*Walk(request, part=rest, listings={**listings})]
        met = [first, *events, *others]
    assert rest is not None
    assert [name for event in met if isinstance(event, Files) for name in event.names] == names
    assert listings == {}


def test_a_worker_lists_no_long_directory_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = build_tree(tmp_path / "ctx", [f"{number:04}" for number in range(3000)])
    request = resolve(str(root))
    log, me = tmp_path / "log", os.getpid()

    def logged(what: str, function):
        def call(*arguments):
            with log.open("a") as file:
                file.write(f"{what} {os.getpid() == me}\n")
            return function(*arguments)

        return call

    monkeypatch.setattr(walking, "listing", logged("lists", walking.listing))
    monkeypatch.setattr(parallel, "_walked", logged("walks", parallel._walked))
    with patched(walking, _MANY=1, _LONG=3000):
        for _ in range(100):  # whether the worker is there in time is a matter of chance
            measure(request, jobs=2)
            told = log.read_text()
            if "walks False" in told:
                break
        else:
            raise AssertionError("nobody helps")
    assert "lists False" not in told


@pytest.mark.parametrize("lost", ["os.pipe2", "os.fork", "mmap.mmap"])
def test_nobody_can_be_had(tree: Path, lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    request = request_for(tree, "none")
    alone = measure(request, jobs=1)

    def fails(*_: object) -> None:
        raise OSError(errno.EMFILE, "too many")

    monkeypatch.setattr(lost, fails)
    assert measure(request, jobs=3) == alone


@given(data=st.data())
def test_any_division(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Of a random tree with a random ignore file, at random places."""
    names = st.sampled_from(["a", "b", "c", "a.js", "keep", "\udcff", "é"])
    paths = data.draw(st.lists(st.lists(names, min_size=1, max_size=4), max_size=25))
    taken: set[str] = set()
    for path in map("/".join, paths):
        if not any(
            f"{other}/".startswith(f"{path}/") or f"{path}/".startswith(f"{other}/")
            for other in taken
        ):
            taken.add(path)
    lines = data.draw(st.lists(st.sampled_from(LINES), max_size=5))
    nodes = [*sorted(taken), "Dockerfile", file(".dockerignore", "\n".join(lines).encode())]
    root = build_tree(tmp_path_factory.mktemp("ctx"), nodes)
    builder = data.draw(st.sampled_from([*BUILDERS.values()]))
    request, everything = resolve(str(root), builder=builder), data.draw(st.booleans())
    wants = data.draw(st.lists(st.booleans(), min_size=1, max_size=20))
    alone = measure(request, everything=everything)
    with patched(Divided, answers=itertools.cycle(wants)):
        assert measured_in_parts(request, everything=everything, crew=Divided) == alone


LINES = ["*", "!a", "!**/keep", "**/b", "a/*", "!a/b/c", "*.js", "!*.js", "c", "!c/a"]


class Divided(LeavesOut):
    answers: Iterator[bool] = iter(())

    def wants(self) -> bool:
        return super().wants() and next(self.answers)


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
        f"from ctxsize.engine.measure import measure\n{AT_ONCE}"
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
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_for(tree, "typical")
    alone = measure(request, jobs=1)
    started = os.getpid()
    walked = parallel._walked
    died = tmp_path / "died"

    def dies_in_a_worker(*arguments):
        if os.getpid() != started:
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return walked(*arguments)

    monkeypatch.setattr(parallel, "_walked", dies_in_a_worker)
    assert measure(request, jobs=2) == alone
    assert died.exists()


def test_no_child_is_left(tree: Path) -> None:
    """In a process of its own, which has no other children."""
    code = (
        "import os, sys; from ctxsize.engine.request import resolve; "
        f"from ctxsize.engine.measure import measure\n{AT_ONCE}"
        "measure(resolve(sys.argv[1]), jobs=3)\n"
        "try: os.waitpid(-1, os.WNOHANG)\n"
        "except ChildProcessError: print('none')"
    )
    request_for(tree, "none")
    assert run_python(code, tree).split() == ["none"]


AT_ONCE = f"from ctxsize.engine import parallel; parallel.__dict__.update({EAGER})\n"


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

"""The core in trouble: no memory, no descriptors, signals, and trees that change meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ctxsize.engine.builders import BUILDKIT, CLASSIC
from ctxsize.engine.plan import Plan
from ctxsize.engine.report import measure
from tests.cli.conftest import environment
from tests.engine.native.both import (
    answer,
    check,
    core,
    native_answer,
    native_tree,
    native_walk,
    open_descriptors,
    python_answer,
    python_tree,
)
from tests.oracles.availability import require
from tests.resolving import resolve
from tests.trees import Node, build_tree, deep_tree, file, hardlink, link, remove_tree

EVERYTHING: list[str | Node] = [
    *(f"d{at % 5}/e{at % 3}/f{at}.x{at % 40}" for at in range(200)),
    *("a/b/c/d/e/f", "q\udcff/x", "k\udcff", "i/j/k", "i/\udcff/k1", "node_modules/a.pyc", "x.pem"),
    *(link("l", "a"), hardlink("h", "x.pem"), file("s", mode=0o4755)),
    file("xattr", xattrs={"user.k": b"v"}),
    file(".dockerignore", b"*.x7\n!d1/**/*[0-9].x7\ni\n!**/k?\n**/f1?.*\n"),
]
"""A tree with all that the core has to remember."""
SLOW = "".join(f"*/*{'a' * 240}{number}\n" for number in range(900)).encode()
"""Patterns with which the names of `slow` take some tenths of a second each."""


@pytest.fixture
def slow(tmp_path: Path) -> Plan:
    """A context on which the core takes some seconds."""
    names = [f"d{number}/{'a' * 235}{number}" for number in range(28)]
    plan = resolve(str(build_tree(tmp_path / "slow", [*names, file(".dockerignore", SLOW)])))
    core()
    return plan


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


@contextmanager
def nothing_left() -> Iterator[None]:
    """Fail if a descriptor, a thread or another working directory is left behind."""
    first = threading.Thread(target=int)  # with the first one, sanitizers start their own
    first.start()
    first.join()
    time.sleep(0.005)
    before = open_descriptors(), Path.cwd(), threads()
    yield
    assert (open_descriptors(), Path.cwd()) == before[:2]
    for _ in range(1000):  # one that was joined may be listed for a moment
        if threads() <= before[2]:
            return
        time.sleep(0.001)
    raise AssertionError("a thread is left")


# Memory.


@pytest.mark.parametrize("builder", [BUILDKIT, CLASSIC], ids=lambda each: each.name)
@pytest.mark.parametrize("count", [1, 3])
def test_no_memory_is_an_error_or_no_matter(count: int, builder: Any, tmp_path: Path) -> None:
    """However many allocations succeed before one does not."""
    require("root")
    check_allocations(resolve(str(build_tree(tmp_path, EVERYTHING)), builder=builder), count)


def test_no_memory_for_a_large_directory(tmp_path: Path) -> None:
    """It is shared among threads; most of its allocations are for the next of many entries."""
    for number in range(4_200):
        (tmp_path / f"{number}.{number % 300}").touch()
    check_allocations(resolve(str(tmp_path)), 2, step=11)


def test_no_memory_for_a_tree_is_an_error_or_no_matter(tmp_path: Path) -> None:
    """Neither while it is read, nor while the patterns judge it."""
    plan = resolve(str(build_tree(tmp_path, EVERYTHING)))
    check_allocations(plan, 2, answers=(python_tree, native_tree))


def check_allocations(
    plan: Plan, count: int, step: int = 1, answers: tuple[Any, Any] = (python_answer, native_answer)
) -> None:
    module = core()
    of_python, of_core = answers
    expected = of_python(plan)
    failed = done = number = 0
    with nothing_left():
        while done < 3:
            module.allow(number)
            try:
                found = of_core(plan, count)
                if of_core is native_answer:
                    found, _ = found
                assert found == expected
                done += 1
            except MemoryError:
                failed, done = failed + 1, 0
            finally:
                module.allow(-1)
            number += step
    assert failed > 10


# Descriptors.

_FEW_DESCRIPTORS = """
import resource, sys
from tests.engine.native.both import native_answer, python_answer, open_descriptors
from ctxsize.api import plan_for

plan = plan_for(sys.argv[1])
expected = python_answer(plan)
native_answer(plan, 2)
before = open_descriptors() - 1
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
for more in (*range(1, 24), 40, 65, 66, 67, 68, 69, 70, 80, 100, 200):
    resource.setrlimit(resource.RLIMIT_NOFILE, (before + more, most))
    try:
        python = python_answer(plan)
        for count in (1, 2, 4):
            found, spy = native_answer(plan, count)
            # The core may be stopped by another directory than Python's walk.
            assert found in (expected, python) or (
                found[0] is python[0] and "Too many open files" in found[1] and found[2]["path"]
            ), (more, count, found, python)
    except OSError as error:
        assert error.errno == 24, error
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    assert open_descriptors() - 1 == before, more
print(plan.context)
"""


@pytest.mark.parametrize("tree", ["deep", "wide"])
def test_few_descriptors_are_enough_or_the_same_error(tree: str, tmp_path: Path) -> None:
    """Python's walk holds 64 at most, the core one for each level: it hands back what is deeper."""
    core()
    root = tmp_path / "ctx"
    if tree == "deep":
        deep_tree(root, 120)
        (root / ".dockerignore").write_text("x\n")
    else:
        lines = b"*/b*\n!**/f\n"
        build_tree(root, [*(f"{c}{n}/b{n}/f" for n in range(9) for c in "abc"), *EVERYTHING[:-1]])
        (root / ".dockerignore").write_bytes(lines)
    assert run_script(_FEW_DESCRIPTORS, str(root)) == f"{root}\n"
    remove_tree(root)


def run_script(script: str, *arguments: str) -> str:
    """Run Python code in a process of its own; return what it prints."""
    command = [sys.executable, "-W", "error", "-c", script, *arguments]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


_NO_THREADS = """
import os, resource, sys
from tests.engine.native.both import native_answer, python_answer
from ctxsize.api import plan_for

plan = plan_for(sys.argv[1])
native_answer(plan, 2)
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
expected = python_answer(plan)
for count in (1, 2, 4):
    found, spy = native_answer(plan, count)
    assert found == expected and not spy.sums and spy.failures == 1
import threading
try:
    threading.Thread(target=print).start()
except RuntimeError:
    print("no threads")
"""


def test_without_threads_python_walks() -> None:
    require("root")
    core()
    base = Path(tempfile.mkdtemp(prefix="ctxsize-"))
    try:
        base.chmod(0o755)
        root = build_tree(base / "ctx", EVERYTHING)
        assert run_script(_NO_THREADS, str(root)) == "no threads\n"
    finally:
        shutil.rmtree(base)


# Signals and callbacks.


def test_signals_interrupt_nothing(tmp_path: Path) -> None:
    """A handler that returns leaves the answer as it is."""
    root = build_tree(tmp_path / "ctx", EVERYTHING)
    for number in range(6_000):
        (root / f"{number:05}").touch()
    plan = resolve(str(root))
    expected = python_answer(plan)
    fired: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: fired.append(1))
    try:
        with nothing_left():
            for count in (1, 2, 4) * 3:
                signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
                found, spy = native_answer(plan, count)
                signal.setitimer(signal.ITIMER_REAL, 0)
                assert found == expected
                assert spy.sums
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert fired


@pytest.mark.parametrize("count", [1, 3])
def test_ctrl_c_stops_the_core_soon(count: int, slow: Plan) -> None:
    sent: list[float] = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
    with nothing_left(), native_walk(count) as spy:

        def interrupt() -> None:
            assert spy.asked.wait(120)
            time.sleep(0.15)
            sent.append(time.process_time())
            os.kill(os.getpid(), signal.SIGINT)

        interrupting = threading.Thread(target=interrupt)
        interrupting.start()
        with pytest.raises(KeyboardInterrupt):
            measure(slow)
        stopped = time.process_time()
        interrupting.join()
        signal.signal(signal.SIGINT, before)
    assert spy.failures == 1
    assert stopped - sent[0] < 20  # ThreadSanitizer takes most of it for one name


class CallbackError(Exception):
    pass


@pytest.mark.parametrize("count", [1, 3])
def test_a_progress_that_raises_stops_the_core(count: int, slow: Plan) -> None:
    def progress(*_: int) -> None:
        raise CallbackError

    with nothing_left(), native_walk(count) as spy, pytest.raises(CallbackError):
        measure(slow, progress=progress)
    assert spy.failures == 1


def test_a_progress_that_raises_at_the_end(tmp_path: Path) -> None:
    def progress(*_: int) -> None:
        raise CallbackError

    root = build_tree(tmp_path / "ctx", EVERYTHING)
    with nothing_left(), native_walk(2) as spy, pytest.raises(CallbackError):
        measure(resolve(str(root)), progress=progress)
    assert spy.sums


def test_progress_counts_up_to_what_is_sent(slow: Plan) -> None:
    seen: list[tuple[int, int]] = []
    with native_walk(2):
        report = measure(slow, progress=lambda *each: seen.append(each))
    assert len(seen) > 2
    assert seen == sorted(seen)
    assert seen[-1] == (report.context.totals.entries, report.context.totals.content_bytes)


def test_two_measurements_at_once(tmp_path: Path) -> None:
    roots = [build_tree(tmp_path / name, [*EVERYTHING, name]) for name in ("one", "two", "three")]
    plans = [resolve(str(root)) for root in roots]
    expected = [python_answer(plan) for plan in plans]
    wrong: list[Any] = []

    def repeat(number: int) -> None:
        for _ in range(15):
            found = answer(plans[number])
            if found != expected[number]:
                wrong.append(found)

    with nothing_left(), native_walk(3) as spy:
        running = [threading.Thread(target=repeat, args=(number,)) for number in range(3)]
        for each in running:
            each.start()
        for each in running:
            each.join()
    assert not wrong
    assert spy.sums == 45


# Trees that change.


def vanish(root: Path, rng: Random) -> None:
    """Remove, rename, replace or add one entry somewhere below `root`."""
    folder = root / rng.choice("abcd") / rng.choice("abcd")
    path = folder / rng.choice("abcdef")
    act = rng.randrange(8)
    if act == 0:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    elif act == 1:
        path.rename(folder / rng.choice("abcdef"))
    elif act == 2:
        shutil.rmtree(folder, ignore_errors=True)
    elif act == 3:
        path.unlink(missing_ok=True)
        path.symlink_to(rng.choice(["..", "a", "/etc"]))
    elif act == 4:
        (path / "x" / "y").mkdir(parents=True)
        (path / "x" / "y" / "z\udcff").touch()
    elif act == 5:
        folder.rename(root / rng.choice("abcd") / rng.choice("abcd"))
    else:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")


@pytest.mark.fuzz
@pytest.mark.parametrize("lines", ["", "*\n!**/[a-f]?\n!**/a\n!*/b\n", "a\n!a/b/c\n**/d\n!**/d/*"])
def test_a_tree_that_changes_meanwhile(lines: str, tmp_path: Path) -> None:
    """The core says something or Python stops: no crash, no other exception, nothing left."""
    root = build_tree(tmp_path / "ctx", ["a/a/a", "b/b/b", file(".dockerignore", lines.encode())])
    stop = threading.Event()
    rounds = 10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 150

    def change(seed: int) -> None:
        rng = Random(seed)
        while not stop.is_set():
            try:
                vanish(root, rng)
            except OSError:
                continue

    changing = [threading.Thread(target=change, args=(seed,)) for seed in range(2)]
    plan = resolve(str(root))
    with nothing_left():
        for each in changing:
            each.start()
        try:
            for number in range(rounds):
                _, spy = native_answer(plan, 1 + number % 4)
                assert spy.sums or spy.failures
        finally:
            stop.set()
            for each in changing:
                each.join()
    check(root)


# Size.


@pytest.mark.fuzz
def test_many_entries_in_one_directory(tmp_path: Path) -> None:
    count = 1_000_000 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 9_000
    fd = os.open(tmp_path, os.O_RDONLY)
    for number in range(count):
        odd, name = number % 501 == 7, f"{number % 977}-{number}.{number % 7}"
        each = os.open(name, os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=fd)
        if number % 5 == 0:
            os.ftruncate(each, number % 40 * 4096)
        if odd:
            os.fchmod(each, 0o4644)
        os.close(each)
    os.close(fd)
    (tmp_path / ".dockerignore").write_text("*3.1\n1?-*\n!*9?.*\n")
    check(tmp_path, threads=(1, 4))


@pytest.mark.fuzz
@pytest.mark.parametrize("lines", ["", "*\n!**/leaf\n", "d\n"])
def test_a_deep_tree(lines: str, tmp_path: Path) -> None:
    """No builder gets so far: the walk ends where a path is too long."""
    depth = 50_000 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 2_200
    root = deep_tree(tmp_path / "ctx", depth)
    (root / ".dockerignore").write_text(lines)
    try:
        check(root)
    finally:
        remove_tree(root)


@pytest.mark.parametrize("depth", [1_000, 1_919, 1_920, 2_015])
def test_paths_as_deep_as_they_can_be_opened(depth: int, tmp_path: Path) -> None:
    root = deep_tree(tmp_path / "ctx", depth)
    (root / ".dockerignore").write_text("*\n!**/leaf\n")
    try:
        check(root, threads=(1,))
    finally:
        remove_tree(root)

"""What may go wrong with forked processes costs neither the answer nor the caller."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ctxsize.engine.events import Rest
from ctxsize.engine.measure import measure
from ctxsize.engine.request import resolve
from ctxsize.engine.walk import Walk
from ctxsize.engine.workers import Crew
from tests.engine.ours import EAGER, measured_in_parts

_BEGIN = f"""
import os, resource, signal, sys, threading, time
from ctxsize.engine import parallel, workers
from ctxsize.engine.measure import measure
from ctxsize.engine.request import resolve
parallel.__dict__.update({EAGER})
request, me = resolve(sys.argv[1]), os.getpid()
fork, write = os.fork, os.write
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("crew") / "context"
    for service in range(40):
        for package in range(10):
            (root / f"svc-{service:02}" / f"{package}").mkdir(parents=True)
            for number in range(10):
                (root / f"svc-{service:02}" / f"{package}" / f"{number}").touch()
    return root


def run_python(code: str, tree: Path) -> list[str]:
    argv = [sys.executable, "-c", _BEGIN + code, str(tree)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=100, check=False)
    return (done.stdout + done.stderr).split("\n")[:-1]


def test_paths_too_long_to_be_opened_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody stops at them in what is ignored."""
    (tmp_path / "ctx" / "ignored").mkdir(parents=True)
    (tmp_path / "ctx" / ".dockerignore").write_text("ignored\n")
    request = resolve(str(tmp_path / "ctx"))
    monkeypatch.chdir(tmp_path / "ctx" / "ignored")
    for _ in range(17):
        Path("d" * 250).mkdir()
        os.chdir("d" * 250)
    for number in range(20):
        Path(f"{number:02}").mkdir()
        os.close(os.open(f"{number:02}/file", os.O_CREAT))
    os.chdir(tmp_path)
    assert measured_in_parts(request, everything=True) == measure(request, everything=True)


def test_a_rest_is_not_looked_for_behind_a_symlink(tmp_path: Path) -> None:
    """Which has come into its path meanwhile."""
    (tmp_path / "outside" / "b").mkdir(parents=True)
    (tmp_path / "outside" / "b" / "file").touch()
    (tmp_path / "ctx").mkdir()
    (tmp_path / "ctx" / "a").symlink_to("../outside")
    walk = Walk(resolve(str(tmp_path / "ctx")), part=Rest("a/b", "a", None))
    assert [*walk] == []
    assert [(each.code, each.path) for each in walk.problems] == [("changed-during-walk", "a/b")]


def test_more_bytes_than_a_word_tells() -> None:
    crew: Crew[None] = Crew(lambda *_: None, 0)
    crew.saw(1, 2**63)
    crew.saw(1, 2**63)
    assert crew.seen() == (2, 2**64 - 1)


def test_who_should_tell_that_all_is_done_dies(tree: Path) -> None:
    code = """
alone = measure(request, jobs=1)
def dies(fd, data):
    if data == workers._ALL_IS_DONE and os.getpid() != me:
        try: os.mkdir(sys.argv[1] + f".{turn}")
        except FileExistsError: pass
        else: os.kill(os.getpid(), signal.SIGKILL)
    return write(fd, data)
os.write = dies
signal.alarm(80)
for turn in range(8):
    assert measure(request, jobs=3) == alone
print("done")
"""
    assert run_python(code, tree) == ["done"]


def test_an_interrupt_right_after_a_fork_leaves_nothing(tree: Path) -> None:
    code = """
def interrupted():
    if child := fork():
        os.kill(me, signal.SIGINT)
    return child
os.fork = interrupted
before = os.listdir("/proc/self/fd")
try: measure(request, jobs=3)
except KeyboardInterrupt: print("interrupted")
print(os.listdir("/proc/self/fd") == before)
try: os.waitpid(-1, os.WNOHANG)
except ChildProcessError: print("no child")
"""
    assert run_python(code, tree) == ["interrupted", "True", "no child"]


def test_an_interrupt_of_a_child_is_nothing_to_the_caller(tree: Path) -> None:
    code = """
def interrupted():
    child = fork()
    if not child:
        os.kill(os.getpid(), signal.SIGINT)
    return child
os.fork = interrupted
try: measure(request, jobs=2)
finally: write(1, b"mine\\n" if os.getpid() == me else b"of a child\\n")
"""
    assert run_python(code, tree) == ["mine"]


def test_few_descriptors_stop_no_crew_that_stop_nobody_alone(tree: Path) -> None:
    code = """
def told(jobs):
    try: return measure(request, jobs=jobs)
    except Exception as error: return repr(error)
alone = measure(request, jobs=1)
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
used = max(map(int, os.listdir("/proc/self/fd")))
for more in range(2, 16):
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + more, most))
    one, many = told(1), told(8)
    if one != many: print(more, one == alone, many == alone or many)
"""
    assert run_python(code, tree) == []


def test_nobody_forks_once_progress_has_started_a_thread(tree: Path) -> None:
    code = """
os.fork = lambda: print("fork")
def starts(*_):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
measure(request, jobs=2, progress=starts)
print("done")
"""
    assert run_python(code, tree) == ["done"]


def test_workers_go_when_nobody_waits_for_them(tree: Path) -> None:
    code = """
walked = parallel._walked
def slow(task, rest, watch):
    if os.getpid() != me:
        look = watch.look
        def slowly(*arguments):
            time.sleep(0.2)
            look(*arguments)
        watch.look = slowly
        os.kill(me, signal.SIGKILL)
    return walked(task, rest, watch)
parallel._walked = slow
measure(request, jobs=2)
"""
    argv = [sys.executable, "-c", _BEGIN + code, str(tree)]
    # The pipe ends when the last one has gone.
    subprocess.run(argv, stdout=subprocess.PIPE, timeout=20, check=False)

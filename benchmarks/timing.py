"""Times whole processes: start-up, work and exit, by the clock on the wall."""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from peers import Case, Tool, environment

_NOTHING = os.devnull


@dataclass
class Runs:
    """The runs of one tool over one case."""

    tool: Tool
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    """What it and its children kept processors busy: this wanders less on a busy machine."""
    peak_bytes: int = 0
    """The largest resident size of any one process of it, over all runs."""
    error: str = ""

    @property
    def median(self) -> float | None:
        """The median of the seconds, None without a run."""
        return statistics.median(self.seconds) if self.seconds and not self.error else None

    @property
    def cpu_median(self) -> float | None:
        """The median of the processor's seconds, None without a run."""
        return statistics.median(self.cpu_seconds) if self.median is not None else None


def run(
    command: list[str], more: Sequence[tuple[str, str]] = (), limit: float | None = None
) -> tuple[float, float, int, int]:
    """Seconds, those of processors, peak resident bytes and exit code of one run.

    Its output is thrown away.

    After `limit` seconds it is killed, with the exit code of that signal.
    Linux carries the peak over `exec`: no number is below this process's own
    size, some 20 MB, which is why nothing large is ever held here.
    """
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, _NOTHING, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, _NOTHING, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, _NOTHING, os.O_WRONLY, 0),
    ]
    began = time.perf_counter()
    child = os.posix_spawnp(command[0], command, environment(*more), file_actions=actions)
    timer = threading.Timer(limit or threading.TIMEOUT_MAX, os.kill, (child, signal.SIGKILL))
    timer.start()
    _, status, usage = os.wait4(child, 0)
    timer.cancel()
    seconds = time.perf_counter() - began
    busy = usage.ru_utime + usage.ru_stime
    return seconds, busy, usage.ru_maxrss * 1024, os.waitstatus_to_exitcode(status)


def interleaved(tools: Sequence[Tool], case: Case, rounds: int, patience: float) -> list[Runs]:
    """`rounds` runs of each tool in turn, so that the machine's moods hit all alike.

    A tool that needed more than `patience` seconds is not run again; one that
    no ratio needs is stopped after ten times that.
    """
    results = [Runs(tool) for tool in tools if tool.fits(case)]
    for result in results:
        if result.tool.name == "floor" and not result.tool.missing:
            run(result.tool.command(case))  # the first pass pays for a cold cache
    for _ in range(rounds):
        for result in results:
            if _again(result, patience):
                _add_run(result, case, 10 * patience)
    return results


def _again(result: Runs, patience: float) -> bool:
    slow = result.seconds and result.seconds[-1] > patience
    return not (result.tool.missing or result.error or slow)


def _add_run(result: Runs, case: Case, limit: float) -> None:
    tool = result.tool
    limited = limit if tool.may_be_stopped else None
    seconds, busy, peak_bytes, code = run(tool.command(case), tool.environment, limited)
    if limited and code == -signal.SIGKILL and seconds >= limit:
        result.error = f"stopped after {limit:.0f} s"
    elif code:
        result.error = f"exit code {code}"
    result.seconds.append(seconds)
    result.cpu_seconds.append(busy)
    result.peak_bytes = max(result.peak_bytes, peak_bytes)

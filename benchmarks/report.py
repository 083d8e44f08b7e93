"""The results as values for JSON, as a table for the terminal, as a page for the docs."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

from lists import Comparison
from peers import DOCKER, Case
from targets import MOST_MEMORY_BYTES, MOST_STARTUP, STARTUP, TARGETS, Target
from timing import Runs

Row = dict[str, Any]
_BEGIN, _END = "<!-- benchmark -->", "<!-- end of benchmark -->"
_HEADER = (
    *("tree", "ignore file", "tool", "seconds", "of floor", "CPU of floor", "of du"),
    "Docker / this",
    *("peak MB", "runs", "target"),
)


def machine(base: Path) -> dict[str, Any]:
    """What kind of machine this is, with no names and no paths."""
    kind = subprocess.run(
        ["df", "--output=fstype", str(base)], capture_output=True, text=True, check=False
    )
    version = re.match(r"[\d.]*\d", platform.release())
    return {
        "cpus": os.cpu_count(),
        "filesystem": kind.stdout.split()[-1] if kind.stdout else "unknown",
        "kernel": f"{platform.system()} {version[0] if version else ''}".strip(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def today() -> str:
    """The date in UTC."""
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()


def rows(case: Case, results: list[Runs], startup: dict[str, float | None]) -> list[Row]:
    """One row for each tool, with its ratios to what was timed beside it.

    `startup` has seconds by command.
    """
    medians = {each.tool.name: each.median for each in results}
    docker = next(filter(None, map(medians.get, DOCKER)), None)
    busy = {each.tool.name: each.cpu_median for each in results}
    medians |= {"docker": docker, STARTUP: startup[STARTUP]}
    found = [_row(case, each, medians) for each in results]
    for row, each in zip(found, results, strict=True):
        row["cpu_median_seconds"] = each.cpu_median
        row["cpu_of_floor"] = _ratio(each.cpu_median, busy.get("floor"))
    return found


def _row(case: Case, runs: Runs, medians: dict[str, float | None]) -> Row:
    median, floor = runs.median, medians.get("floor")
    row = {
        "tree": case.tree,
        "ignore": case.ignore,
        "tool": runs.tool.name,
        "missing": runs.tool.missing or runs.error or None,
        "median_seconds": median,
        "all_seconds": runs.seconds,
        "of_floor": _ratio(median, floor),
        "of_du": _ratio(median, medians.get("du")),
        "docker_over_this": _ratio(medians["docker"], median),
        "peak_bytes": runs.peak_bytes or None,
    }
    return {**row, "missed": _missed(row, floor, medians[STARTUP] or 0)}


def _missed(row: Row, floor: float | None, startup: float) -> list[str] | None:
    """Which targets `row` misses; None where there are none to reach."""
    if not row["tool"].startswith("ctxsize") or row["median_seconds"] is None:
        return None
    missed = []
    if row["peak_bytes"] > MOST_MEMORY_BYTES:
        missed.append(f"memory above {MOST_MEMORY_BYTES // 10**6} MB")
    target = TARGETS.get((row["tree"], row["ignore"]), Target())
    most = {
        "ctxsize measure": target.of_floor,
        "ctxsize measure, 1 thread": target.one_thread,
        "ctxsize measure, Python": target.python,
    }.get(row["tool"])
    if most is not None and floor is not None:
        limit = most * floor + startup * target.after_startup
        if row["median_seconds"] > limit:
            missed.append(f"floor: {limit:.2f} s")
    if row["tool"] == "ctxsize measure":
        if target.of_du and row["of_du"] and row["of_du"] > target.of_du:
            missed.append(f"du: {target.of_du}")
        if target.against_docker and (row["docker_over_this"] or 99) < target.against_docker:
            missed.append(f"Docker: {target.against_docker}")
    return missed


def startup_rows(seconds: dict[str, float | None]) -> list[Row]:
    """The medians of start-up against those of the first command, `python -c pass`."""
    yardstick = next(iter(seconds.values()))
    found = []
    for name, median in seconds.items():
        ratio, most = _ratio(median, yardstick), MOST_STARTUP.get(name)
        missed = most is not None and ratio is not None and ratio > most
        found.append({"command": name, "median_seconds": median, "ratio": ratio, "most": most})
        found[-1]["missed"] = missed
    return found


def list_rows(comparisons: list[Comparison]) -> list[Row]:
    """Which lists were found equal."""
    return [
        {
            "tree": each.case.tree,
            "ignore": each.case.ignore,
            "against": each.against,
            "entries": each.entries,
        }
        for each in comparisons
    ]


def _ratio(value: float | None, by: float | None) -> float | None:
    return None if value is None or not by else value / by


# --- as text -------------------------------------------------------------------------------------


def table(results: dict[str, Any]) -> str:
    """Everything, as Markdown that also reads well on a terminal."""
    used = dict.fromkeys(row["tree"] for row in results["rows"])
    lines = [_about(results), "", *(f"* {name}: {results['trees'][name]}" for name in used), ""]
    lines += [*_grid(_HEADER, [_cells(row) for row in results["rows"]]), ""]
    if results["startup"]:
        cells = [_startup_cells(row) for row in results["startup"]]
        header = ("start-up", "CPU seconds", "of `python -c pass`", "target")
        lines += [*_grid(header, cells), ""]
    return "\n".join([*lines, *_equality(results["lists"])])


def _about(results: dict[str, Any]) -> str:
    kind = results["machine"]
    scale = "" if results["scale"] == 1 else f" at scale {results['scale']:g}"
    return (
        f"{results['date']}{scale}: {kind['cpus']} CPUs, {kind['filesystem']}, {kind['kernel']}, "
        f"{kind['python']}; medians of up to {results['rounds']} interleaved runs, "
        "caches warm, whole processes. Docker is its walker, "
        f"{' or else '.join(DOCKER)}; memory is that of the largest process, and never less than "
        "the benchmark's own 20 MB."
    )


def _cells(row: Row) -> list[str]:
    names = [row["tree"], row["ignore"], row["tool"]]
    if row["missing"]:
        return [*names, "missing", *[""] * 6, row["missing"]]
    missed = row["missed"]
    return [
        *names,
        f"{row['median_seconds']:.3f}",
        *(_number(row[key]) for key in ("of_floor", "cpu_of_floor", "of_du", "docker_over_this")),
        f"{row['peak_bytes'] / 1e6:.0f}",
        str(len(row["all_seconds"])),
        "" if missed is None else "missed: " + ", ".join(missed) if missed else "met",
    ]


def _startup_cells(row: Row) -> list[str]:
    if row["median_seconds"] is None:
        return [row["command"], "missing", "", ""]
    verdict = "" if row["most"] is None else "missed" if row["missed"] else "met"
    limit = f"{verdict} (at most {row['most']:g})" if verdict else ""
    return [row["command"], f"{row['median_seconds']:.3f}", _number(row["ratio"]), limit]


def _equality(lists: list[Row]) -> list[str]:
    if not lists:
        return ["The lists were not compared in this run."]
    against = ", ".join(sorted({row["against"] for row in lists}))
    return [f"Before the timing, {len(lists)} lists were found equal to those of {against}."]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _grid(header: tuple[str, ...], cells: list[list[str]]) -> list[str]:
    """A Markdown table with aligned columns."""
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    rule = ["-" * width for width in widths]
    return [
        f"| {' | '.join(text.ljust(width) for text, width in zip(row, widths, strict=True))} |"
        for row in (header, rule, *cells)
    ]


def write_page(results: dict[str, Any], page: Path) -> None:
    """Replace the table in `page` between its two marks; a new page gets both."""
    text = page.read_text() if page.exists() else f"# Performance\n\n{_BEGIN}\n{_END}\n"
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise SystemExit(f"{page} lacks the lines {_BEGIN} and {_END}")
    page.write_text(f"{before}{begin}\n{table(results)}\n{end}{after}")

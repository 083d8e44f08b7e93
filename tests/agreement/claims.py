"""What every command claims about the builds of a tree, and where two claims differ.

A claim is a fact about a build, or about the repository. Each command is asked in JSON, as a
script would ask it; what a text says in addition has its own tests.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tests.same.asking import answer_of

_OF_SUGGEST = {"CTX101", "CTX109", "CTX110", "CTX112"}
"""Codes of what `suggest --write` mends, and must not cause."""
_MOST_BUILDS = 3  # of a tree that every command is asked about
_REPOSITORY = "the repository"

Json = dict[str, Any]


class Claim(NamedTuple):
    """A fact that a command states."""

    about: str  # a build, or the repository
    fact: str
    said: object
    by: str  # the command


class Tree:
    """A tree, and the commands that are asked about it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._answers: dict[tuple[str, ...], Json | None] = {}

    def text(self, *arguments: str) -> str:
        """Return what a command prints on stdout."""
        return answer_of([*arguments], str(self.root))[1]

    def ask(self, *arguments: str) -> Json | None:
        """Return what a command prints in JSON; None if it stops with an error.

        Nothing is asked twice, as long as nothing is written.
        """
        if arguments not in self._answers:
            if "--write" in arguments:
                self._answers.clear()
            answer = None
            with suppress(ValueError):
                answer = json.loads(self.text(*arguments, "--json"))
            self._answers[arguments] = answer
        return self._answers[arguments]

    def place(self, path: str | None) -> str | None:
        """Return a path relative to the tree; None stays None."""
        if path is None:
            return None
        directory, name = os.path.split(os.path.normpath(self.root / path))
        # A symlink is a file of its own.
        return os.path.relpath(Path(os.path.realpath(directory), name), os.path.realpath(self.root))

    def name(self, answer: Json) -> str:
        """Return the name of the build that an answer is about."""
        context = self.place(answer.get("context_path", answer.get("context")))
        dockerfile = answer["dockerfile"]
        if dockerfile in (None, "-"):
            return f"no file in {context}"
        return f"{self.place(dockerfile)} in {context}"


def claims(tree: Tree) -> Iterator[Claim]:
    """Yield the claims of all commands about a tree. Nothing is written."""
    scan = tree.ask("scan")
    if scan is None:
        return
    rows = [row for row in scan["builds"] if row["error"] is None and row["dockerfile"]]
    yield from _claims_about_all(tree, scan)
    if len(rows) == 1:
        yield from _claims_about_the_one(tree, rows[0])
    for row in rows[:_MOST_BUILDS]:
        # Values of the environment are not printed; the claims about transfers are BuildKit's.
        is_open = not row["build_arguments"] and "$" not in row["target"]
        if is_open and row["builder"] == "buildkit":
            yield from _claims_about(tree, row)


def _claims_about_all(tree: Tree, scan: Json) -> Iterator[Claim]:
    """Yield which builds there are, and which ignore files would be written."""
    named = sorted({tree.name(row) for row in scan["builds"]})
    yield Claim(_REPOSITORY, "builds", named, "scan")
    check = tree.ask("check", "--all", "--max", "1TB")
    if check is not None or all(row["error"] is None for row in scan["builds"]):
        checks = check["checks"] if check else []
        checked = sorted({tree.name(context["report"]) for context in checks})
        yield Claim(_REPOSITORY, "builds", checked, "check --all")
    everything = tree.ask("suggest", "--all")
    if everything is None:
        return
    written = sorted(path for path, _ in _edits(tree, everything))
    yield Claim(_REPOSITORY, "ignore files to write", written, "suggest --all")
    drafts = tree.text("init", "--dry-run").splitlines()
    paths = {line.removeprefix("+++ ") for line in drafts if line.startswith("+++ ")}
    paths = {path for path in paths if path.endswith("ignore")}
    yield Claim(_REPOSITORY, "ignore files to write", sorted(paths), "init")
    for proposal in everything["proposals"]:
        for build in proposal["builds"]:
            about = tree.name(build)
            yield Claim(about, "ignore file to write", tree.place(proposal["ignore_file"]), "all")
            if len(written) < 2:  # files that are written together add to each other's contexts
                yield Claim(about, "saving", _size(build["saving"]), "suggest --all")
            yield Claim(about, "patterns", _patterns(proposal), "suggest --all")


def _edits(tree: Tree, everything: Json) -> Iterator[tuple[str, Json]]:
    """Yield the ignore files that would be written, each with its proposal."""
    for proposal in everything["proposals"]:
        if _patterns(proposal):
            yield tree.place(proposal["ignore_file"]) or "", proposal


def _patterns(advice: Json) -> list[str]:
    """Return the patterns that would be written."""
    chosen = (offer for offer in advice["suggestions"] if offer["chosen"])
    return sorted(pattern for offer in chosen for pattern in offer["patterns"])


def _claims_about_the_one(tree: Tree, row: Json) -> Iterator[Claim]:
    """Yield which build each command speaks of if none is named, where there is only one."""
    yield Claim(_REPOSITORY, "the build", tree.name(row), "scan")
    for command in ([], ["measure"], ["suggest"]):
        answer = tree.ask(*command)
        said = tree.name(answer) if answer else None
        yield Claim(_REPOSITORY, "the build", said, " ".join(["ctxsize", *command]))


def _claims_about(tree: Tree, row: Json) -> Iterator[Claim]:
    """Yield what every command claims about one build."""
    build = ["-f", row["dockerfile"], row["context"]]
    options = _options(row)
    about = tree.name(row)
    yield from _of_row(tree, about, row)
    measured = tree.ask("measure", *build, *options)
    yield from _of_report(tree, about, measured, "measure")
    if measured is not None and measured["ignored"]["complete"] is not None:
        yield Claim(about, "context", _listed(tree, build), "ls")
    yield from _of_report(tree, about, tree.ask(*build, *options), "ctxsize")
    check = tree.ask("check", "--max", "1TB", *build, *options)
    if check is not None:
        (checked,) = check["checks"]
        yield from _of_report(tree, about, checked["report"], "check")
        yield from _sizes_sent(tree, about, row, checked)
    yield from _of_suggest(tree, about, tree.ask("suggest", *build, *options))
    lint = tree.ask("lint", "-f", row["dockerfile"], "-C", row["context"], *options)
    # `lint` walks once for all ignore files, and of names that are not UTF-8 keeps the first.
    codes = {problem["code"] for problem in measured["failures"]} if measured else set()
    if lint is not None and "not-utf8" not in codes:
        yield Claim(about, "fails", failures(lint), "lint")


def _options(row: Json) -> list[str]:
    """Return the options of a build that claims may differ about."""
    options = []
    if row["target"]:
        options += ["--target", row["target"]]
    for platform in row["platforms"]:
        options += ["--platform", platform]
    return options


def _of_row(tree: Tree, about: str, row: Json) -> Iterator[Claim]:
    yield Claim(about, "context", _size(row["context_size"]), "scan")
    yield Claim(about, "transfer", _size(row["transfer"]), "scan")
    yield Claim(about, "ignore file", tree.place(row["ignore_file"]), "scan")
    yield Claim(about, "saving", _size(row["saving"]), "scan")
    yield Claim(about, "fails", failures(row), "scan")


def _sizes_sent(tree: Tree, about: str, row: Json, checked: Json) -> Iterator[Claim]:
    """Yield how many bytes a build sends: what is judged by default, unless that is not known."""
    report = checked["report"]
    if report["named_contexts"] or report["transfer"] is None:
        return
    yield Claim(about, "sends", row["transfer"]["content_bytes"], "scan")
    yield Claim(about, "sends", checked["limits"][0]["actual"], "check")
    glance = tree.ask("-f", row["dockerfile"], row["context"], *_options(row))
    if glance is not None:
        transfers = [glance["transfer"], *glance["more_transfers"]]
        sent = sum(transfer["content_bytes"] for transfer in transfers)
        yield Claim(about, "sends", sent, "ctxsize")


def _of_report(tree: Tree, about: str, report: Json | None, by: str) -> Iterator[Claim]:
    if report is None:
        yield Claim(about, "context", None, by)
        return
    yield Claim(about, "context", _size(report["context"]), by)
    ignore_file = report["ignore_file"]
    yield Claim(about, "ignore file", tree.place(ignore_file and ignore_file["path"]), by)
    if not report["more_transfers"] and not report["named_contexts"]:
        yield Claim(about, "transfer", _size(report["transfer"]), by)
    yield Claim(about, "fails", failures(report), by)


def _of_suggest(tree: Tree, about: str, advice: Json | None) -> Iterator[Claim]:
    by = "suggest"
    if advice is None:
        yield Claim(about, "context", None, by)
        return
    yield Claim(about, "context", _size(advice["before"]["context"]), by)
    if advice["before"]["transfer"]:
        yield Claim(about, "transfer", _size(advice["before"]["transfer"]), by)
    ignore_file = None
    if not advice["new_file"]:
        ignore_file = tree.place(advice["ignore_file"])
    yield Claim(about, "ignore file", ignore_file, by)
    yield Claim(about, "ignore file to write", tree.place(advice["ignore_file"]), by)
    yield Claim(about, "saving", _size(advice["saving"]), by)
    # Asked about all builds, no file is created from which none of them has anything.
    if advice["saving"]["content_bytes"] or not advice["new_file"]:
        yield Claim(about, "patterns", _patterns(advice), by)
    yield Claim(about, "fails", failures(advice), by)


def _listed(tree: Tree, build: list[str]) -> tuple[int, int]:
    """Return the number of files and bytes of what `ls` lists."""
    entries = [json.loads(line) for line in tree.text("ls", *build, "--json").splitlines()]
    files = [entry for entry in entries if entry["kind"] not in ("directory", "symlink")]
    return len(files), sum(entry["content_bytes"] for entry in files)


def _size(amount: Json | None) -> tuple[int, int] | None:
    if amount is None:
        return None
    return amount["files"], amount["content_bytes"]


def failures(answer: Json) -> list[str]:
    """Return why an answer says that the build fails."""
    return sorted(problem["message"] for problem in answer["failures"])


def _found_by_lint(tree: Tree) -> set[tuple[str, str, str]]:
    """Return the path, code and message of each finding of `lint`, without lines and sizes."""
    linted = tree.ask("lint")
    if linted is None:
        return set()
    return {
        (
            tree.place(finding["location"]["path"]) or "",
            finding["code"],
            re.sub(r"line \d+|(, so the build sends|: a copy in) .*", "", finding["message"]),
        )
        for finding in linted["findings"]
    }


def disagreements(stated: Iterable[Claim]) -> list[str]:
    """Return a line for each fact about which two commands differ."""
    by_fact = defaultdict[tuple[str, str], list[Claim]](list)
    for claim in stated:
        by_fact[claim.about, claim.fact].append(claim)
    lines = []
    for (about, fact), said in by_fact.items():
        values = {repr(claim.said) for claim in said}
        if len(values) > 1:
            answers = "; ".join(f"{claim.by}: {claim.said}" for claim in said)
            lines.append(f"{about}: {fact}: {answers}")
    return lines


def broken_promises(tree: Tree) -> list[str]:
    """Write what is proposed for all builds, and return a line for each promise not kept."""
    before = tree.ask("scan")
    proposed = tree.ask("suggest", "--all")
    if before is None or proposed is None or not [*_edits(tree, proposed)]:
        return []
    found = _found_by_lint(tree)
    written = tree.ask("suggest", "--all", "--write")
    after = tree.ask("scan")
    if written is None or after is None:
        targets = [tree.root / path for path, _ in _edits(tree, proposed)]
        if any(target.is_symlink() or target.is_dir() for target in targets):
            return []  # nothing is written through a link, or over a directory
        return ["`suggest --all --write` or the `scan` after it stopped"]
    lines = []
    failing = {tree.name(row): failures(row) for row in before["builds"]}
    rows = {tree.name(row): row for row in after["builds"]}
    read = {tree.place(row["ignore_file"]) for row in after["builds"]}
    for path, proposal in _edits(tree, written):
        if path not in read:
            lines.append(f"{path} was written, and no build reads it")
        for build in proposal["builds"]:
            row = rows[tree.name(build)]
            if row["error"] is None and row["context_size"] != proposal["after"]["context"]:
                lines.append(
                    f"{tree.name(build)} sends {row['context_size']}, "
                    f"and {proposal['after']['context']} was predicted"
                )
    for name, row in rows.items():
        new = {*failures(row)} - {*failing.get(name, ())}
        lines += [f"{name}: now {reason}" for reason in sorted(new)]
    places = {path for path, _ in _edits(tree, written)}
    known = _OF_SUGGEST
    if not (tree.root / ".git").exists():
        known = known - {"CTX101"}  # whether a name at other depths is a source, only git can tell
    for path, code, message in sorted(_found_by_lint(tree) - found):
        if path in places and code in known:
            lines.append(f"{path}: lint reports {code} of what was written: {message}")
    again = tree.ask("suggest", "--all")
    if again is not None:
        lines += [
            f"a second run proposes {_patterns(proposal)} for {path}"
            for path, proposal in _edits(tree, again)
        ]
    return lines

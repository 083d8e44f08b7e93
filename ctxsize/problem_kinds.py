"""The kinds of `Problem`, and problems as findings.

What a measurement met on its way is a `Problem` to those who read the report,
and a finding to the formats that know nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

from ctxsize.findings import Code, Confidence, Finding, Location, Severity, in_order
from ctxsize.problems import Effect, Problem

_KINDS = (
    Code(
        "CTX000",
        "problem",
        Severity.WARNING,
        "Something was met that spoils a part of the answer.",
        "The message says what it was.",
    ),
    Code(
        "CTX001",
        "arrives-empty",
        Severity.WARNING,
        "A file is listed with its size and arrives without its content.",
        "Docker walks the context by one rule and opens its files by another. Where they disagree, "
        "COPY succeeds and yields an empty file. `ctxsize explain --trace FILE` names the lines.",
        "vendor\n!vendor/keep\n**/vendor",
        "vendor\n!vendor/keep",
    ),
    Code(
        "CTX002",
        "unreadable-file",
        Severity.WARNING,
        "A file arrives without its content, as it may not be read.",
        "Docker sends a file that it may not open as an empty one, and says nothing. Make it "
        "readable, or ignore it.",
    ),
    Code(
        "CTX003",
        "unreached-bad-pattern",
        Severity.WARNING,
        "A pattern has a syntax error that no entry has made Docker look at so far.",
        "Docker compiles a pattern when it first needs it: the build goes on until an entry gets "
        "as far as this line, and fails on that day.",
        "*\n[z-a]",
        "*\n[a-z]",
    ),
    Code(
        "CTX004",
        "transfer-unknown",
        Severity.WARNING,
        "What the Dockerfile takes from the context is not known.",
        "The builder rejects the Dockerfile, which is an error and makes `ctxsize measure` exit "
        "with 2; or a value is missing that `--build-arg NAME=…` gives. The size of the context "
        "is still exact; that of the transfer is missing.",
    ),
    Code(
        "CTX005",
        "changed-during-walk",
        Severity.WARNING,
        "Something changed or vanished while it was counted.",
        "Every total is a lower bound then: count again when nobody writes to the context.",
    ),
    Code(
        "CTX006",
        "unreadable-ignored",
        Severity.INFO,
        "An ignored directory cannot be read, so what it holds is not known.",
        "It does not travel. Only the sums of what is ignored lack it.",
    ),
    Code(
        "CTX007",
        "unknown-syntax",
        Severity.INFO,
        "Another frontend reads the Dockerfile, perhaps otherwise than BuildKit's own.",
        "A `# syntax=` line names an image that interprets the Dockerfile.",
    ),
    Code(
        "CTX008",
        "unknown-onbuild",
        Severity.INFO,
        "A base image is taken as having no ONBUILD triggers.",
        "Triggers of a base image may take more from the context. Only the image tells.",
    ),
    Code(
        "CTX009",
        "unknown-environment",
        Severity.INFO,
        "A variable is taken as unset that the base image may set.",
        "It stands in a source of COPY or ADD; only the image tells its value.",
    ),
    Code(
        "CTX010",
        "unknown-argument",
        Severity.INFO,
        "A build argument without a value is taken as empty.",
        "Give it with `--build-arg NAME=…`, as for `docker build`.",
    ),
    Code(
        "CTX011",
        "hard-link-broken",
        Severity.INFO,
        "A file that was written had further names, which keep the old content.",
        "Files are replaced and never written in place, so that no half of one is ever there.",
    ),
    Code(
        "CTX012",
        "owner-changed",
        Severity.INFO,
        "A file that was written belongs to you now.",
        "Files are replaced, and only root may give a new one to somebody else.",
    ),
    Code(
        "CTX013",
        "no-dockerfile",
        Severity.WARNING,
        "There is no Dockerfile, so the build would fail.",
        "The size of the context is exact all the same. Name the Dockerfile with `-f PATH`. Where "
        "other Dockerfiles, Compose or Bake files tell of builds, the message says what to type.",
    ),
    Code(
        "CTX014",
        "unusable-dockerfile",
        Severity.ERROR,
        "The Dockerfile is there and the builder cannot read it.",
        "BuildKit gets the Dockerfile from its directory alone: a symlink that leads out of it, "
        "a directory and a file that may not be read all fail the build.",
    ),
    Code(
        "CTX015",
        "ignore-file-passed-over",
        Severity.ERROR,
        "There is an ignore file that the builder does not read, and it does not say so.",
        "BuildKit goes on without an ignore file that is a directory, or a symlink that leads out "
        "of its directory or nowhere: then everything is sent.",
    ),
    Code(
        "CTX016",
        "ignore-file-unreadable",
        Severity.ERROR,
        "The ignore file may not be read, and the builder takes it for an empty one.",
        "BuildKit says nothing and sends everything. Make the file readable.",
    ),
    Code(
        "CTX017",
        "figure-by-chance",
        Severity.INFO,
        "The figure that the builder prints is one of two, by chance.",
        "Without an ignore file, the classic builder adds a Dockerfile from outside the context "
        "and an ignore file of its own in random order; the last one has no padding. The size of "
        "the content is exact, and `wire_bytes` the smaller of the two.",
    ),
    Code(
        "CTX018",
        "source-not-found",
        Severity.ERROR,
        "A source of COPY, ADD or a bind mount is ignored or not in the context.",
        "The build fails on it. A symlink that a wildcard matches, or that `COPY --exclude` of the "
        "whole context finds at its top, is followed and must lead to something that is sent. "
        "`ctxsize explain --source LINE` names the pattern that hides it, "
        "or what there is instead.",
        "# .dockerignore\ndist\n\n# Dockerfile\nCOPY dist /app",
        "# .dockerignore\ndist/*\n!dist/app.js\n\n# Dockerfile\nCOPY dist /app",
    ),
    Code(
        "CTX019",
        "not-utf8",
        Severity.ERROR,
        "A name, a symlink's target or an attribute's name that is not UTF-8 fails the build.",
        "BuildKit of Docker 28.5 cannot send bytes that are not UTF-8 and says `string field "
        "contains invalid UTF-8`; that of Docker 26.1 sends them. What is ignored, or not taken by "
        "the Dockerfile, does no harm: rename it or ignore it.",
    ),
    Code(
        "CTX020",
        "older-figure",
        Severity.INFO,
        "Docker 26.1 prints another figure.",
        "The figures are those of Docker 28.5. It sends a field of two bytes for each extended "
        "attribute without a value, which Docker 26.1 leaves out. The content is the same.",
    ),
    Code(
        "CTX021",
        "older-dockerfile",
        Severity.INFO,
        "Docker 26.1 reads this Dockerfile otherwise.",
        "The answer is that of Docker 28.5. Docker 26.1 leaves `TARGETSTAGE` unset, and predefined "
        "arguments such as `TARGETARCH` that an ARG without a value in front of the first FROM "
        "declares; it refuses `COPY --exclude`, `ADD --exclude`, `ADD --unpack`, "
        "`RUN --device` and `env=` in a mount, and takes "
        '`COPY ["a", "/b/"] c` for the array alone. It fails on a symlink anywhere below what a '
        "wildcard matches, if it leads to nothing that is sent, and on a quote in the name of an "
        "ARG that is not closed (`ARG 'a=b`). Values of `--chmod` and of `# check=` on which "
        "Docker 28.5 fails pass there, and so do `EXPOSE 80/tcp/udp` and, in an ARG in front of "
        "the first FROM, `${Y:?}` of what is not set. A `# syntax=` line makes them agree. "
        "Other releases were not asked.",
    ),
    Code(
        "CTX022",
        "unknown-check",
        Severity.INFO,
        "The build fails on any warning about the Dockerfile, which ctxsize does not look for.",
        "With `# check=error=true`, Docker 28.5 fails before anything travels if one of its own "
        "checks gives a warning; Docker 26.1 has no checks. `docker build --check` runs them.",
    ),
)

CODES: dict[str, Code] = {each.name: each for each in _KINDS}

_BY_SLUG = {each.slug: each for each in _KINDS}


def of_edits(problems: Iterable[Problem]) -> tuple[Finding, ...]:
    """The problems of writing files, whose paths are those of the edits, as findings."""
    return in_order([found(each, each.path or "") for each in problems])


def found(problem: Problem, path: str) -> Finding:
    """A problem as a finding about `path`."""
    code = _BY_SLUG.get(problem.code, CODES["CTX000"])
    return Finding(
        code.name,
        Severity.ERROR if problem.fails else code.severity,
        problem.message,
        Location(path, problem.line),
        Confidence.CERTAIN if problem.effect is Effect.NONE else Confidence.LIKELY,
        files=problem.count if problem.count > 1 else None,
    )

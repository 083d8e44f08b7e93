"""The traps: one function for each reason not to suggest a match, beside the later proof."""

from __future__ import annotations

import re
from collections.abc import Callable

from ctxsize.engine.evaluate import up_to
from ctxsize.findings import Confidence
from ctxsize.knowledge.rules import Category, expression, is_build_input, listed
from ctxsize.recommender.build_files import letting_in
from ctxsize.recommender.facts import Facts, is_named, reader_of
from ctxsize.recommender.made import Making
from ctxsize.recommender.outcome import Doubt, Match, Objection
from ctxsize.recommender.tree import is_below

_TERRAFORM = re.compile(r"\b(?:terraform|tofu|terragrunt)\b(.*)")
_INIT = re.compile(r"\binit\b")


def copied_by_name(facts: Facts, match: Match) -> str | None:
    """Object if an instruction takes the match, or something below it, by name."""
    named = facts.build_files.taking(match.path)
    if named:
        return f"{named[0]} takes it"
    return None


def author_exception(facts: Facts, match: Match) -> str | None:
    """Object if an exception of the ignore file re-includes it: its author wants it there."""
    return letting_in(facts.evidence.tree.snapshot.plan, match.path)


def unknown_source(facts: Facts, match: Match) -> str | None:
    """Object if an instruction, or a whole Dockerfile, takes a source with an unknown name."""
    used = match.rule.category in _USED
    secret = match.rule.category is Category.SECRET
    for named in facts.build_files.unknown:
        taken, reached = facts.maybe_taken(named.path)
        above = used and not taken.isdisjoint(up_to(match.path)[:-1])
        may = above or match.path in reached
        if not named.path.strip("*/"):
            # A variable alone may name any path. It does not mean a path that is useless in an
            # image, and it means a secret only if the instruction contains a word for secrets.
            may = used or (secret and expression("names_secret").search(named.text) is not None)
        if may:
            return Doubt(f"what {named} takes depends on a variable: set it with --build-arg")
    for path, text in facts.build_files.undecided:
        if used or is_named(match.path.rpartition("/")[2], text):
            return Doubt(f"the sources of {path} are unknown")
    return None


def not_initialised(facts: Facts, match: Match) -> str | None:
    """Object if a Dockerfile copies it and installs or runs terraform, but not `terraform init`."""
    for build_file in facts.taking(match):
        steps = build_file.dockerfile.instructions
        started = (each.text for each in steps if each.keyword in ("CMD", "ENTRYPOINT"))
        found = _TERRAFORM.findall("\n".join((build_file.commands, *started)))
        if found and not any(map(_INIT.search, found)):
            return Doubt(f"{build_file.path} has terraform but no `terraform init`")
    return None


def tracked(facts: Facts, match: Match) -> str | None:
    """Object if git tracks it or something below it, or if what git tracks is unknown."""
    rule = match.rule
    git = facts.evidence.git
    if rule.category.value in listed("tracked_anyway"):
        return None
    there = git.at_or_below(match.path)
    if rule.contents:
        there = [each for each in there if each.rpartition("/")[2] not in listed("placeholders")]
    is_secret = rule.category is Category.SECRET
    if there:
        reason = f"git tracks {'it' if there[0] == match.path else there[0]}"
        if is_secret:
            return Doubt(reason)
        return reason
    certain = is_secret or "CACHEDIR.TAG" in match.evidence
    if certain or git.problem is None:
        return None
    return Doubt(git.problem.message)


def matches_manifest(_: Facts, match: Match) -> str | None:
    """Object to a manifest, a lock file or a file with a tool's version, which builds need."""
    is_input = is_build_input(match.path.rpartition("/")[2])
    if is_input and match.secret is None:
        return "builds read such files"
    return None


def scm_version_in_build(facts: Facts, match: Match) -> str | None:
    """Object if the build reads its version from git: it needs `.git` and all tracked files."""
    if ".git" not in facts.sums or facts.version_from_git is None:
        return None
    if match.rule.name == "vcs.git" and match.path == ".git":
        return facts.version_from_git
    if facts.evidence.git.first(match.path) is not None:
        return f"{facts.version_from_git}, which would report it as deleted"
    return None


def mentioned(facts: Facts, match: Match) -> str | None:
    """Object if a manifest or a source names it, and so may read it or fail without it."""
    reason = facts.mentioned(match.path)
    if reason:
        return Doubt(reason)
    return None


def test_stage(facts: Facts, match: Match) -> str | None:
    """Object if a stage runs the tests."""
    found = facts.running(expression("runs_tests"))
    if found:
        return f"{found} runs tests"
    return None


def prebuilt_pipeline(facts: Facts, match: Match) -> str | None:
    """Object if an image may need the copied match, as no command there makes it again."""
    for build_file in facts.taking(match):
        making = Making(facts, build_file, match)
        path = build_file.path
        if match.rule.category in _BUILT and not making.is_made:
            return Doubt(f"the image of {path} may need it: no command there makes it")
        if making.used_at is not None:
            return Doubt(f"{path}:{making.used_at} uses it as it is, and no command there makes it")
        if build_file.unread_at is not None:
            at = f"{path}:{build_file.unread_at}"
            return Doubt(f"{at} may use it: its commands cannot be read")
    return None


def env_at_build(facts: Facts, match: Match) -> str | None:
    """Object if a bundler or a framework reads the file while it builds."""
    directory, _, name = match.path.rpartition("/")
    reason = reader_of(facts, match)
    if name.startswith(".env") and facts.evidence.tree.has(directory, "symfony.lock"):
        reason = reason or "Symfony reads it"
    if reason:
        return Doubt(reason)
    return None


def read_by_build(facts: Facts, match: Match) -> str | None:
    """Object if it may be no secret, or a command may read it by itself and fail without it."""
    if match.secret is Confidence.POSSIBLE:
        return Doubt("its name alone does not prove that it is a secret")
    reader = match.rule.read_by
    for build_file in facts.taking(match) if reader else ():
        if re.search(reader, build_file.commands):
            reason = f"a command of {build_file.path} may read it"
            return Doubt(f"{reason}; mount it with --mount=type=secret")
    return None


def site_generator(facts: Facts, match: Match) -> str | None:
    """Object if a web site is built from the documentation."""
    sites = facts.evidence.tree.first(match.path.rpartition("/")[0], listed("site_settings"))
    found = sites or facts.running(expression("builds_site"))
    if found:
        return Doubt(f"{found} builds a web site from it")
    return None


def named_by_source(facts: Facts, match: Match) -> str | None:
    """Object if a build fails without it: a source, a script or a command names it."""
    top = {match.path}
    found = (e for e in facts.references if all(f in top or is_below(f, top) for f in e.files))
    return next((f"{each.at} needs it" for each in found), None)


_BUILT = (Category.ARTEFACT, Category.DEPS, Category.DOCS)
"""Categories that an image which builds nothing may need."""
_USED = (*_BUILT, Category.TESTS, Category.DATA)
"""Categories that are needed if a Dockerfile names them; no image uses the others."""

Trap = Callable[[Facts, Match], "str | None"]
"""Return the reason, as a clause: a `Doubt` if the user may overrule it. None without one."""

_ALL = (
    *(copied_by_name, not_initialised, author_exception, unknown_source, tracked),
    *(matches_manifest, scm_version_in_build, mentioned, test_stage, prebuilt_pipeline),
    *(read_by_build, site_generator, env_at_build, named_by_source),
)
TRAPS: dict[str, Trap] = {"no_install_step": prebuilt_pipeline, **{e.__name__: e for e in _ALL}}
"""Every trap by the name that rules use."""

FOR_ALL = (
    *("copied_by_name", "author_exception", "unknown_source", "tracked"),
    *("matches_manifest", "scm_version_in_build", "env_at_build", "read_by_build"),
    "named_by_source",
)
"""Names of the traps for every rule, the fast ones first."""


def objections(facts: Facts, match: Match, *, but: str = "") -> list[Objection]:
    """Return the objections to a match, up to the first hard one; skip the trap `but`."""
    found: list[Objection] = []
    own = match.rule.traps
    used = match.rule.category in _USED
    built = ("prebuilt_pipeline",) if used and "no_install_step" not in own else ()
    for name in dict.fromkeys((*FOR_ALL, *own, *built)):
        if name == but:
            reason = None
        else:
            reason = TRAPS[name](facts, match)
        if reason is not None:
            found.append(Objection(name, reason))
            if not found[-1].soft:
                break
    return found

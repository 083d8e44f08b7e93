"""The traps: one function for each reason not to suggest a match, beside the later proof."""

from __future__ import annotations

import re
from collections.abc import Callable
from posixpath import basename, dirname, join, split

from ctxsize.engine.evaluate import up_to
from ctxsize.findings import Confidence
from ctxsize.knowledge.rules import Category, expression, is_build_input, listed
from ctxsize.recommender.build_files import Named, letting_in
from ctxsize.recommender.facts import Facts, is_named, reader_of
from ctxsize.recommender.grounds import WORDS, mentions, without_addresses
from ctxsize.recommender.made import making_of
from ctxsize.recommender.outcome import Clause, Doubt, Match, Objection
from ctxsize.recommender.tree import is_at_or_below, is_below

MAY_NEED = "may need it: no command there makes it"
_TERRAFORM = r"\b(?:terraform|tofu|terragrunt)\b(.*)"
_INIT = r"\binit\b"


def copied_by_name(facts: Facts, match: Match) -> Clause:
    """Object if an instruction takes the match, or something below it, by name."""
    for named in facts.build_files.taking(match.path):
        return f"{named} takes it"
    return None


def author_exception(facts: Facts, match: Match) -> Clause:
    """Object if an exception of the ignore file re-includes it: its author wants it there."""
    return letting_in(facts.plan, match.path)


def unknown_source(facts: Facts, match: Match) -> Clause:
    """Object if an instruction, or a whole Dockerfile, takes a source with an unknown name."""
    is_used = match.rule.category in _USED
    for named in facts.build_files.unknown:
        if _may_take(facts, named, match, is_used=is_used):
            return Doubt(f"what {named} takes depends on a variable: set it with --build-arg")
    for path, text in facts.build_files.undecided:
        if is_used or is_named(basename(match.path), text):
            return Doubt(f"the sources of {path} are unknown")
    return None


def _may_take(facts: Facts, named: Named, match: Match, *, is_used: bool) -> bool:
    if not named.path.strip("*/"):
        # A variable alone may name any path. It does not mean a path that is useless in an image,
        # and it means a secret only if the instruction contains a word for secrets.
        if match.rule.is_secret:
            return expression("names_secret").search(named.text) is not None
        return is_used
    taken, reached = facts.maybe_taken(named.path)
    if match.path in reached:
        return True
    if not is_used:
        return False
    return is_below(match.path, taken)


def not_initialised(facts: Facts, match: Match) -> Clause:
    """Object if a Dockerfile copies it and installs or runs terraform, but not `terraform init`."""
    for build_file in facts.taking(match):
        started = [
            instruction.text
            for instruction in build_file.dockerfile.instructions
            if instruction.keyword in ("CMD", "ENTRYPOINT")
        ]
        calls = re.findall(_TERRAFORM, "\n".join([build_file.commands, *started]))
        if calls and not any(re.search(_INIT, call) for call in calls):
            return Doubt(f"{build_file.path} has terraform but no `terraform init`")
    return None


def tracked(facts: Facts, match: Match) -> Clause:
    """Object if git tracks it or something below it, or if what git tracks is unknown."""
    if match.rule.category.value in listed("tracked_anyway"):
        return None
    is_secret = match.rule.is_secret
    for path in facts.git.at_or_below(match.path):
        if match.rule.contents and basename(path) in listed("placeholders"):
            continue
        reason = f"git tracks {path}"
        if path == match.path:
            reason = "git tracks it"
        if is_secret:
            return Doubt(reason)
        return reason
    problem = facts.git.problem
    if problem is None or is_secret or "CACHEDIR.TAG" in match.evidence:
        return None
    return Doubt(problem.message)


def matches_manifest(_: Facts, match: Match) -> Clause:
    """Object to a manifest, a lock file or a file with a tool's version, which builds need."""
    if match.secret is None and is_build_input(basename(match.path)):
        return "builds read such files"
    return None


def scm_version_in_build(facts: Facts, match: Match) -> Clause:
    """Object if the build reads its version from git: it needs `.git` and all tracked files."""
    if ".git" not in facts.sums:
        return None
    reason = facts.version_from_git
    if reason is None:
        return None
    if match.rule.name == "vcs.git" and match.path == ".git":
        return reason
    if facts.git.tracks(match.path):
        return f"{reason}, which would report it as deleted"
    return None


def mentioned(facts: Facts, match: Match) -> Clause:
    """Object if a manifest or a source names it, and so may read it or fail without it."""
    doubt = _mention_of(facts, match)
    if doubt and facts.build_files.all and not any(facts.taking(match)):
        return None  # it never arrives where anything could read it
    return doubt


def _mention_of(facts: Facts, match: Match) -> Clause:
    """Return which file names a match, as a clause; None if none does."""
    path = match.path
    name = basename(path)
    if not WORDS.fullmatch(name):
        return Doubt("no source can be searched for its name")
    for directory in filter(facts.tree.is_vendored, up_to(dirname(path))):
        return Doubt(f"the code in {directory} may read it")
    for source in facts.mentioning(name):
        if not is_at_or_below(source, {path}):
            return Doubt(f"{source} mentions it")
    for build_file in facts.build_files.all:
        commands = build_file.commands
        if commands and mentions(name, without_addresses(commands)):
            return Doubt(f"{build_file.path} mentions it")
    if facts.sources.is_all:
        return None
    return Doubt("there are too many sources to see whether one reads it")


def test_stage(facts: Facts, match: Match) -> Clause:
    """Object if a stage runs the tests."""
    dockerfile = facts.running(expression("runs_tests"))
    if dockerfile:
        return f"{dockerfile} runs tests"
    return None


def prebuilt_pipeline(facts: Facts, match: Match) -> Clause:
    """Object if an image may need the copied match, as no command there makes it again."""
    for build_file in facts.taking(match):
        making = making_of(facts, build_file, match)
        path = build_file.path
        if match.rule.category in _BUILT and not making.is_made:
            return Doubt(f"the image of {path} {MAY_NEED}")
        if making.used_at:
            return Doubt(f"{path}:{making.used_at} uses it as it is, and no command there makes it")
        if build_file.unread_at:
            return Doubt(f"{path}:{build_file.unread_at} may use it: its commands cannot be read")
    return None


def env_at_build(facts: Facts, match: Match) -> Clause:
    """Object if a bundler or a framework reads the file while it builds."""
    directory, name = split(match.path)
    reason = reader_of(facts, match)
    if name.startswith(".env") and facts.tree.entry(join(directory, "symfony.lock")):
        reason = reason or "Symfony reads it"
    if reason:
        return Doubt(reason)
    return None


def read_by_build(facts: Facts, match: Match) -> Clause:
    """Object if it may be no secret, or a command may read it by itself and fail without it."""
    if match.secret is Confidence.POSSIBLE:
        return Doubt("its name alone does not prove that it is a secret")
    reader = match.rule.read_by
    if not reader:
        return None
    for build_file in facts.taking(match):
        if re.search(reader, build_file.commands):
            return Doubt(
                f"a command of {build_file.path} may read it; mount it with --mount=type=secret"
            )
    return None


def uploaded(facts: Facts, match: Match) -> Clause:
    """Object if a client sends the directory by the ignore file, and builds what arrives."""
    settings = facts.tree.first("", listed("uploads"))
    if settings:
        return f"the upload of {settings} needs it"
    return None


def site_generator(facts: Facts, match: Match) -> Clause:
    """Object if a web site is built from the documentation."""
    settings = facts.tree.first(dirname(match.path), listed("site_settings"))
    builder = settings or facts.running(expression("builds_site"))
    if builder:
        return Doubt(f"{builder} builds a web site from it")
    return None


def own_package(facts: Facts, match: Match) -> Clause:
    """Object if a manifest makes it a package: an install may find it by a pattern and need it."""
    manifest = facts.tree.first(match.path, listed("service_files"))
    if manifest:
        return Doubt(f"{manifest} makes it a package of its own")
    return None


def named_by_source(facts: Facts, match: Match) -> Clause:
    """Object if a build fails without it: a source, a script or a command names it."""
    for reference in facts.references:
        if all(is_at_or_below(file, {match.path}) for file in reference.files):
            return f"{reference.at} needs it"
    return None


_BUILT = (Category.ARTEFACT, Category.DEPS, Category.DOCS)
"""Categories that an image which builds nothing may need."""
_USED = (*_BUILT, Category.TESTS, Category.DATA)
"""Categories that are needed if a Dockerfile names them; no image uses the others."""

Trap = Callable[[Facts, Match], Clause]
"""Return the reason, as a clause: a `Doubt` if the user may overrule it. None without one."""

_FOR_ALL: dict[str, Trap] = {
    "copied_by_name": copied_by_name,
    "author_exception": author_exception,
    "unknown_source": unknown_source,
    "tracked": tracked,
    "matches_manifest": matches_manifest,
    "scm_version_in_build": scm_version_in_build,
    "env_at_build": env_at_build,
    "read_by_build": read_by_build,
    "named_by_source": named_by_source,
}
"""The traps for every rule, the fast ones first."""

TRAPS: dict[str, Trap] = {
    **_FOR_ALL,
    "not_initialised": not_initialised,
    "mentioned": mentioned,
    "test_stage": test_stage,
    "uploaded": uploaded,
    "prebuilt_pipeline": prebuilt_pipeline,
    "no_install_step": prebuilt_pipeline,
    "site_generator": site_generator,
    "own_package": own_package,
}
"""Every trap by the name that rules use."""


def objections(facts: Facts, match: Match, *, but: str = "") -> list[Objection]:
    """Return the objections to a match, up to the first hard one; skip the trap `but`."""
    names = dict.fromkeys((*_FOR_ALL, *match.rule.traps))
    if match.rule.category in _USED and "no_install_step" not in names:
        names["prebuilt_pipeline"] = None
    raised = []
    for name in names:
        if name == but:
            continue
        reason = TRAPS[name](facts, match)
        if reason is None:
            continue
        objection = Objection(name, reason)
        raised.append(objection)
        if not objection.soft:
            break
    return raised

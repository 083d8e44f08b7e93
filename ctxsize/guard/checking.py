"""Check contexts against their budgets.

A context that matches nothing and a build without a budget are errors, all reported at once:
a build that is not checked must not look like one that passes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from os.path import join, lexists, realpath, relpath
from typing import TYPE_CHECKING

from ctxsize import config as configured
from ctxsize.build import (
    Build,
    BuildOrBuilds,
    Options,
    StrPath,
    Unpack,
    build_of,
    builds_of,
    joined,
    path_of,
)
from ctxsize.codes import names
from ctxsize.config import NAMES, Budget, BudgetedBuild, Config, DescribedBuilds, filled_up
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.events import Progress
from ctxsize.engine.plan import ParsedDockerfiles, Plan
from ctxsize.engine.report import measure
from ctxsize.engine.transfer_requests import TAKES_UNKNOWN
from ctxsize.engine.transfers import transfer_listing
from ctxsize.errors import CtxsizeError, InputError, InputErrors
from ctxsize.findings import FrozenFindings
from ctxsize.guard import (
    Accepted,
    CheckReport,
    ContextCheck,
    Unchecked,
    actual,
    assertions,
    judge,
    judged_size,
)
from ctxsize.guard import baseline as baselines
from ctxsize.guard.accepting import Wanted, completed
from ctxsize.guard.against import Against
from ctxsize.guard.baseline import (
    DEPTH,
    TOP,
    Baseline,
    Known,
    of_files,
    of_measurement,
    worth_keeping,
)
from ctxsize.hidden import shown
from ctxsize.model import Kind, Problems, Report
from ctxsize.planning import plan_with_hint
from ctxsize.reader import place_of_link, refuse_way_out
from ctxsize.recommender.hazards import warnings_of

if TYPE_CHECKING:
    from ctxsize.guard.remedies import Remedies

# Codes of the problems that explain why there is no transfer.
_NO_TRANSFER = ("transfer-unknown", "no-dockerfile", "unusable-dockerfile")
_TRIES = 6  # attempts to write a baseline that is part of the context that it records
_DIRECTORIES = 60  # number of the largest directories that a baseline keeps
_FILES = 20  # number of the largest files that a baseline keeps


def check(
    build: Build | StrPath | None = None,
    *,
    builds: BuildOrBuilds | None = None,
    budget: Budget | None = None,
    baseline: StrPath | None = None,
    update_baseline: bool = False,
    against: str | None = None,
    policy: StrPath | None = None,
    others: BuildOrBuilds = (),
    config: Config | None = None,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> CheckReport:
    """Check `build`, or all builds of the configuration, against their budgets.

    `builds` replaces them, for example by those that `discover` finds; each has the budget of
    its context in the configuration, or else that of its top level. `budget` and `baseline`
    override it. `update_baseline` writes the file before the comparison. `against` is a revision
    of git that takes the place of a baseline. `policy` is the path of a file whose limits hold
    too, for `others` as well, whatever the configuration says.
    Raises `InputErrors` for builds without a budget, and the errors of `measure` if nothing can
    be measured.
    """
    build = build_of(build, options)
    start = "."
    chosen = None
    if build is not None:
        start = build.context
        chosen = [build]
    if builds is not None:
        chosen = builds_of(builds)
    config = config or configured.load(start)
    commit = _commit(against, is_baseline_given=baseline is not None or update_baseline)
    path = None
    if commit is None:
        path = _baseline_of(config, baseline, is_needed=update_baseline)
    old = None
    if path is not None and (lexists(path) or not update_baseline):
        refuse_way_out(path)
        old = baselines.read(path)
    budgeted = _budgeted(
        config,
        chosen,
        budget or Budget(),
        is_optional=bool({path, policy, against} - {None}),
    )
    if policy is not None:
        subject = [BudgetedBuild(other.context, other, given=other) for other in builds_of(others)]
        # Without any table, nobody chose the usual context.
        if not subject or chosen is not None or config.contexts:
            subject = [*budgeted, *subject]
        if not path and against is None:
            budgeted = [own for own in budgeted if own.budget.limits]
        budgeted += _policy_builds(configured.policy_in(path_of(policy)), subject)
    checker = _Checker(config, budgeted, progress, commit)
    checker.measure(is_partial=not update_baseline)
    if update_baseline and path is not None:
        old = checker.update(path, old or {})
    checks = tuple(checker.checked(path, old))
    root = start
    unused: FrozenFindings = ()
    if chosen is None:
        root = config.directory
        if not update_baseline:
            unused = tuple(checker.wanted.unused(names("CTX4"), root))
    return CheckReport(
        checks,
        root,
        tuple(checker.unchecked),
        path,
        against,
        checker.not_compared,
        updated=update_baseline,
        unused=unused,
    )


def _commit(revision: str | None, *, is_baseline_given: bool) -> Against | None:
    """Return the commit that takes the place of a baseline. Raises `InputError` for both."""
    if revision is None:
        return None
    if is_baseline_given:
        raise InputError("a commit takes the place of a baseline: name one of them")
    return Against(revision)


def _baseline_of(config: Config, given: StrPath | None, *, is_needed: bool) -> str | None:
    """Return the path of the baseline. Raises `InputError` if one `is_needed`."""
    if given is not None:
        return path_of(given)
    if config.baseline is not None:
        return joined(config.directory, config.baseline)
    if is_needed:
        raise InputError(
            "--update-baseline needs a baseline",
            hint="--baseline FILE, or baseline in ctxsize.toml",
        )
    return None


def _budgeted(
    config: Config, builds: Iterable[Build] | None, budget: Budget, *, is_optional: bool
) -> list[BudgetedBuild]:
    """Return the builds with their budgets. Raises `InputErrors`, also if there are none."""
    errors = []
    tables = [*configured.builds(config)]
    candidates = []
    if builds is None and tables:
        for table, described in tables:
            candidates += described
            if not described:
                errors.append(
                    InputError(
                        f"contexts.{table.name}: no directory {table.build.context!r} "
                        f"in {config.directory}",
                        path=config.path,
                    )
                )
    else:
        candidates += of_builds(config, tables, [Build()] if builds is None else builds)
    if not candidates and not errors:
        errors.append(InputError("no build was found", hint="name a context"))
    budgeted = [
        replace(build, budget=budget.over(build.budget)) for build in _unique_names(candidates)
    ]
    if not is_optional:
        hint = (
            "--max 50MB, --max-files 5000 or --baseline FILE, "
            f"or the same in {config.path or NAMES[0]}"
        )
        errors += (
            InputError(f"{build.name} has no budget", hint=hint)
            for build in budgeted
            if not build.budget.limits
        )
    if errors:
        raise InputErrors(errors)
    return budgeted


def of_builds(
    config: Config, tables: list[DescribedBuilds], builds: Iterable[Build]
) -> Iterator[BudgetedBuild]:
    """Yield each build completed by each table of its context, or by the top level."""
    tables_of = defaultdict(list)
    for table, described in tables:
        for context in {realpath(budgeted.build.context) for budgeted in described}:
            tables_of[context].append(table)
    for build in builds:
        fitting = tables_of[realpath(build.context)]
        if build.dockerfile:
            # The name of a symlink chooses the ignore file, not that of its target.
            place = place_of_link(build.dockerfile)
            fitting = [
                table
                for table in fitting
                if not table.build.dockerfile or place == place_of_link(table.build.dockerfile)
            ]
        for table in fitting or [replace(config.defaults, name=build.context)]:
            yield filled_up(build, table)


def _unique_names(builds: Sequence[BudgetedBuild]) -> Iterator[BudgetedBuild]:
    """Yield `builds` with unique names: context, Dockerfile and target, or else a number."""
    counts = Counter(budgeted.name for budgeted in builds)
    used = Counter[str]()
    for budgeted in builds:
        name = budgeted.name
        if counts[name] > 1:
            name = _full_name(budgeted.build)
        used[name] += 1
        if used[name] > 1:
            name = f"{name} #{used[name]}"
        yield replace(budgeted, name=name)


def _full_name(build: Build) -> str:
    """Return the context of a build, with its Dockerfile if that is unusual, and its target."""
    parts = [build.context]
    if build.dockerfile:
        dockerfile = relpath(build.dockerfile, build.context)
        if dockerfile != "Dockerfile":
            parts.append(dockerfile)
    target = shown(build.target)
    if target:
        parts.append(target)
    return " ".join(parts)


def _policy_builds(
    policy: BudgetedBuild, budgeted: Sequence[BudgetedBuild]
) -> Iterator[BudgetedBuild]:
    """Yield the builds that must keep `policy`, each with its budget, and none twice.

    These are the builds as the command line gives them, not as the configuration completes them:
    it could choose a smaller target. But it may name the Dockerfile, which is not found without
    it. A limit of the transfer holds for the completed builds, too.
    """
    is_transfer = policy.budget.of != "context"
    checked = set()
    for named in _unique_names(budgeted):
        given = named.given or named.build
        builder = policy.build.builder or given.builder
        paths = (join(given.context, name) for name in BUILDERS[builder].dockerfile_names)
        usual = next(filter(lexists, paths), "")
        builds = [replace(given, dockerfile=named.build.dockerfile)]
        if usual:
            builds.append(given)
        if is_transfer:
            builds.append(named.build)
        for build in builds:
            build = replace(build, builder=builder)
            values = None
            if is_transfer:
                values = build.values
            key = (
                realpath(build.context),
                place_of_link(build.dockerfile or usual),
                builder,
                values,
            )
            if key not in checked:
                checked.add(key)
                yield replace(policy, name=f"{named.name} (policy)", build=build, is_policy=True)


class _Checker:
    """Measures and judges `builds`, whose Dockerfiles are read once."""

    def __init__(
        self,
        config: Config,
        builds: list[BudgetedBuild],
        progress: Progress | None,
        commit: Against | None,
    ) -> None:
        self._commit = commit
        self._config = config
        self._builds = builds
        self._progress = progress
        self._plans = ParsedDockerfiles()
        self._measured = list[tuple[BudgetedBuild, Report]]()
        self.unchecked = list[Unchecked]()
        # `select` and `ignore` choose kinds of findings; they must not disable a budget.
        self.wanted = Wanted(replace(config, select=(), ignore=()))

    @property
    def not_compared(self) -> Problems:
        """Return the builds that were not compared with a commit, and why."""
        if self._commit is None:
            return ()
        return tuple(self._commit.problems)

    @cached_property
    def _remedies(self) -> Remedies:
        from ctxsize.guard.remedies import Remedies

        return Remedies(self._config, self._progress)

    def measure(self, *, is_partial: bool = False) -> None:
        """Measure each build. Raises the failures; if `is_partial`, only if there is no size."""
        errors = []
        self.unchecked = []
        self._measured = []
        for budgeted in self._builds:
            try:
                self._measured.append((budgeted, self._report(budgeted)))
            except CtxsizeError as error:
                errors.append(error)
                self.unchecked.append(Unchecked(budgeted.name, str(error)))
        if is_partial and self._measured:
            return
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise InputErrors(errors)

    def _report(self, budgeted: BudgetedBuild) -> Report:
        """Measure one build. Raises `InputError` if the size that is limited is not known."""
        config = self._config
        if budgeted.is_policy:
            config = Config()
        plan = plan_with_hint(budgeted.build, self._plans)
        report = measure(plan, top=TOP, depth=DEPTH, progress=self._progress)
        report = completed(plan, report, config, progress=self._progress)
        if budgeted.budget.of == "transfer" and report.transfer is None:
            reasons = [
                problem.message for problem in report.problems if problem.code in _NO_TRANSFER
            ]
            reason = [*reasons, "there is no Dockerfile"][0].removeprefix(f"{TAKES_UNKNOWN}: ")
            raise InputError(
                f"{budgeted.name}: the transfer is not known: {reason}", path=report.dockerfile
            )
        return report

    def update(self, path: str, baseline: Baseline) -> Baseline:
        """Write the baseline until it is true of its own context, and return it."""
        from ctxsize.writer.apply import write_output

        for _ in range(_TRIES):
            entries = {
                budgeted.name: _entry(budgeted.name, report)
                for budgeted, report in self._measured
                if not budgeted.is_policy
            }
            new = {**baseline, **entries}
            write_output(path, baselines.text(new).encode("ascii"))
            if new == baseline:
                break
            baseline = new
            self.measure()
        return baseline

    def checked(self, path: str | None, baseline: Baseline | None) -> Iterator[ContextCheck]:
        """Yield the check of each build. Raises `InputError` for a baseline of another builder."""
        for budgeted, report in self._measured:
            name = budgeted.name
            old = baseline
            if budgeted.is_policy:
                old = None
            recorded = (old or {}).get(name)
            if recorded is not None and recorded.builder != report.builder:
                raise InputError(
                    f"{name} was recorded for {recorded.builder}, not for {report.builder}",
                    path=path,
                    hint="--update-baseline",
                )
            plan = plan_with_hint(budgeted.build, self._plans)
            if self._commit is not None and not budgeted.is_policy:
                known = self._commit.known(plan, judged_size(budgeted.budget, report))
                old = None
                if known is not None:
                    old = {name: known}
            judged = judge(name, report, budgeted.budget, old, partial(_sent, plan))
            judged = self._without_accepted(budgeted, judged)
            if any(not limit.is_floor for limit in judged.missed):
                judged = self._remedies.added_to(judged, plan)
            yield judged

    def _without_accepted(self, budgeted: BudgetedBuild, judged: ContextCheck) -> ContextCheck:
        """Add findings of assertions, and set accepted ones apart; a policy accepts none."""
        budget = budgeted.budget
        findings = [*judged.findings]
        report = judged.report
        patterns = len(budget.require) + len(budget.forbid)
        if patterns:
            of = judged_size(budget, report)
            findings += assertions.broken(
                plan_with_hint(budgeted.build, self._plans), budgeted.name, budget, of
            )
        if not budgeted.is_policy:
            findings += warnings_of(plan_with_hint(budgeted.build, self._plans))
        # What findings about the context may concern.
        about = [report.context_path]
        if report.dockerfile:
            about.append(report.dockerfile)
        if report.ignore_file:
            about.append(report.ignore_file.path)
        wanted = self.wanted
        if budgeted.is_policy:
            wanted = Wanted(Config())
        reasons = [wanted.judged(finding, *about) for finding in findings]
        return replace(
            judged,
            findings=tuple(finding for finding, reason in reasons if reason is None),
            accepted=tuple(
                Accepted(finding, reason) for finding, reason in reasons if reason is not None
            ),
            assertions=patterns,
            policy=budgeted.is_policy,
        )


def _sent(plan: Plan) -> Known:
    """Return the sizes of what a build sends of its context."""
    files = {}
    for entry in transfer_listing(plan):
        if entry.kind not in (Kind.DIRECTORY, Kind.SYMLINK):
            files[entry.path] = entry.content_bytes
    return of_files(files)


def _entry(name: str, report: Report) -> Known:
    if report.lower_bound:
        raise InputError(
            f"{name}: a part of it could not be counted, so no baseline was written",
            path=report.context_path,
        )
    known = of_measurement(report.context)
    known = worth_keeping(known, directories=_DIRECTORIES, files=_FILES)
    transfer = None
    if report.transfer is not None:
        transfer = actual(report, "transfer")
    return replace(known, builder=report.builder, transfer=transfer)

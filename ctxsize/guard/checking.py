"""Check contexts against their budgets, and compare reports.

A context that matches nothing and a build without a budget are errors, all reported at once:
a build that is not checked must not look like one that passes.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ctxsize import config as configured
from ctxsize import guard
from ctxsize.build import Build, Options, StrPath, Unpack, build_of, builds_of, path_of
from ctxsize.codes import names
from ctxsize.config import NAMES, Budget, BudgetedBuild, Builds, Config, filled_up
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.events import Progress
from ctxsize.engine.plan import ParsedDockerfiles, Plan
from ctxsize.engine.report import measure
from ctxsize.engine.transfer_requests import TAKES_UNKNOWN
from ctxsize.engine.transfers import with_transfers
from ctxsize.errors import CtxsizeError, InputError, InputErrors
from ctxsize.guard import assertions, comparison
from ctxsize.guard import baseline as baselines
from ctxsize.guard.accepting import Wanted, without_accepted
from ctxsize.guard.comparison import Contexts, DiffReport
from ctxsize.hidden import shown
from ctxsize.model import Amount, Report
from ctxsize.planning import plan_for, plan_with_hint
from ctxsize.reader import refuse_way_out
from ctxsize.units import human, plural

# Codes of the problems that explain why there is no transfer.
_NO_TRANSFER = ("transfer-unknown", "no-dockerfile", "unusable-dockerfile")
_LARGE = ("CTX401", "CTX402", "CTX404")  # findings that a smaller context solves
_TRIES = 6  # attempts to write a baseline that is part of the context that it records
_DIRECTORIES, _FILES = 60, 20  # numbers of the largest that a baseline keeps


def check(
    build: Build | StrPath | None = None,
    *,
    builds: Build | StrPath | Iterable[Build | StrPath] | None = None,
    budget: Budget | None = None,
    baseline: StrPath | None = None,
    update_baseline: bool = False,
    policy: StrPath | None = None,
    others: Build | StrPath | Iterable[Build | StrPath] = (),
    config: Config | None = None,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> guard.CheckReport:
    """Check `build`, or all builds of the configuration, against their budgets.

    `builds` replaces them, for example by those that `discover` finds; each has the budget of
    its context in the configuration, or else that of its top level. `budget` and `baseline`
    override it. `update_baseline` writes the file before the comparison. `policy` is the path of
    a file whose limits hold too, for `others` as well, whatever the configuration says.
    Raises `InputErrors` for all that cannot be checked, and the errors of `measure`.
    """
    build = build_of(build, options)
    if build:
        chosen = [build]
    else:
        chosen = None
    if builds is not None:
        chosen = builds_of(builds)
    if baseline is not None:
        baseline = path_of(baseline)
    config = config or configured.load("." if build is None else build.context)
    if baseline is None and config.baseline is not None:
        baseline = os.path.normpath(os.path.join(config.directory, config.baseline))
    if update_baseline and baseline is None:
        hint = "--baseline FILE, or baseline in ctxsize.toml"
        raise InputError("--update-baseline needs a baseline", hint=hint)
    old: baselines.Baseline | None = None
    if baseline is not None and (os.path.lexists(baseline) or not update_baseline):
        refuse_way_out(baseline)
        old = baselines.read(baseline)
    is_optional = baseline is not None or policy is not None
    budgeted = _budgeted(config, chosen, budget or Budget(), is_optional=is_optional)
    if policy is not None:
        more = [BudgetedBuild(each.context, each, given=each) for each in builds_of(others)]
        # Without any table, nobody chose the usual context.
        if more and chosen is None and not config.contexts:
            own = []
        else:
            own = budgeted
        held = _held(configured.policy_in(path_of(policy)), [*own, *more])
        budgeted = [*(each for each in budgeted if baseline or each.budget.limits), *held]
    checker = _Checker(config, budgeted, progress)
    checker.measure()
    if update_baseline and baseline is not None:
        old = checker.update(baseline, old or {})
    checks = tuple(checker.checked(baseline, old))
    if chosen is None and not update_baseline:
        looked_at = [config.directory]
    else:
        looked_at = []
    unused = checker.wanted.unused(names("CTX4"), *looked_at)
    return guard.CheckReport(checks, baseline, updated=update_baseline, unused=unused)


def _budgeted(
    config: Config, builds: Iterable[Build] | None, budget: Budget, *, is_optional: bool
) -> list[BudgetedBuild]:
    """Return the builds with their budgets. Raises `InputErrors`, also if there are none."""
    errors: list[CtxsizeError] = []
    tables = [*configured.builds(config)]
    if builds is None and tables:
        found = [each for _, some in tables for each in some]
        for table in (table for table, some in tables if not some):
            why = f"no directory {table.build.context!r} in {config.directory}"
            errors.append(InputError(f"contexts.{table.name}: {why}", path=config.path))
    else:
        found = [*of_builds(config, tables, [Build()] if builds is None else builds)]
    if not found and not errors:
        errors.append(InputError("no build was found", hint="name a context"))
    found = [replace(each, budget=budget.over(each.budget)) for each in _named_apart(found)]
    where = config.path or NAMES[0]
    hint = f"--max 50MB, --max-files 5000 or --baseline FILE, or the same in {where}"
    if is_optional:
        bare = []
    else:
        bare = [each.name for each in found if not each.budget.limits]
    errors += [InputError(f"{name} has no budget", hint=hint) for name in bare]
    if errors:
        raise InputErrors(errors)
    return found


def of_builds(
    config: Config, tables: list[Builds], builds: Iterable[Build]
) -> Iterator[BudgetedBuild]:
    """Yield each build completed by each table of its context, or by the top level."""
    tables_of = defaultdict[str, list[BudgetedBuild]](list)
    for table, some in tables:
        for context in {os.path.realpath(each.build.context) for each in some}:
            tables_of[context].append(table)
    for build in builds:
        own = build.dockerfile and _own_place(build.dockerfile)
        some = tables_of[os.path.realpath(build.context)]
        fitting = [e for e in some if not own or own == _own_place(e.build.dockerfile or own)]
        for each in fitting or [replace(config.defaults, name=build.context)]:
            yield filled_up(build, each)


def _own_place(path: str) -> str:
    """Return a real path, but of a symlink its own: its name chooses the ignore file."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def _named_apart(found: list[BudgetedBuild]) -> Iterator[BudgetedBuild]:
    """Yield `found` with unique names: context, Dockerfile and target, or else a number."""
    names = Counter(each.name for each in found)
    met = Counter[str]()
    for each in found:
        name = each.name
        build = each.build
        if names[name] > 1:
            dockerfile = build.dockerfile and os.path.relpath(build.dockerfile, build.context)
            if dockerfile != "Dockerfile":
                unusual = dockerfile
            else:
                unusual = None
            name = " ".join(filter(None, (build.context, unusual, shown(build.target))))
        met[name] += 1
        yield replace(each, name=name if met[name] == 1 else f"{name} #{met[name]}")


def _held(policy: BudgetedBuild, found: Iterable[BudgetedBuild]) -> Iterator[BudgetedBuild]:
    """Yield each build to hold to `policy`: as given and, for a transfer, as completed too.

    So a configuration names a Dockerfile that would not be found, and no smaller target.
    """
    is_transfer = policy.budget.of == "transfer"
    met = set[tuple[object, ...]]()
    for each in _named_apart([*found]):
        given = each.given or each.build
        builder = policy.build.builder or given.builder
        names = [os.path.join(given.context, name) for name in BUILDERS[builder].dockerfile_names]
        usual = next(filter(os.path.lexists, names), "")
        builds = [replace(given, dockerfile=each.build.dockerfile)]
        builds += [given] * bool(usual) + [each.build] * is_transfer
        for build in (replace(each, builder=builder) for each in builds):
            paths = os.path.realpath(build.context), _own_place(build.dockerfile or usual)
            key = (*paths, builder, build.values if is_transfer else None)
            if key not in met:
                met.add(key)
                yield replace(policy, name=f"{each.name} (policy)", build=build, is_policy=True)


class _Checker:
    """Measures and judges `builds`, whose Dockerfiles are read once."""

    def __init__(
        self, config: Config, builds: list[BudgetedBuild], progress: Progress | None
    ) -> None:
        self._config = config
        self._builds = builds
        self._progress = progress
        self._plans, self._reports = ParsedDockerfiles(), list[Report]()
        # `select` and `ignore` choose kinds of findings; they must not disable a budget.
        self.wanted = Wanted(replace(config, select=(), ignore=()))

    def measure(self) -> None:
        """Measure each build. Raises `InputErrors` with all failures."""
        errors: list[InputError] = []
        self._reports = []
        for each in self._builds:
            try:
                plan = plan_with_hint(each.build, self._plans)
                if each.is_policy:
                    config = Config()
                else:
                    config = self._config
                report = _measured(
                    plan,
                    config,
                    top=baselines.TOP,
                    depth=baselines.DEPTH,
                    progress=self._progress,
                )
                if each.budget.of == "transfer" and report.transfer is None:
                    why = (e.message for e in report.problems if e.code in _NO_TRANSFER)
                    reason = next(why, "there is no Dockerfile").removeprefix(f"{TAKES_UNKNOWN}: ")
                    message = f"{each.name}: the transfer is not known: {reason}"
                    raise InputError(message, path=report.dockerfile)
                self._reports.append(report)
            except InputError as error:
                errors.append(error)
        if errors:
            raise errors[0] if len(errors) == 1 else InputErrors(errors)

    def update(self, path: str, baseline: baselines.Baseline) -> baselines.Baseline:
        """Write the baseline until it is true of its own context, and return it."""
        from ctxsize.writer.apply import write_output

        for _ in range(_TRIES):
            pairs = zip(self._builds, self._reports, strict=True)
            own = [(each.name, report) for each, report in pairs if not each.is_policy]
            new = {**baseline, **{name: _entry(name, report) for name, report in own}}
            write_output(path, baselines.text(new).encode("ascii"))
            if new == baseline:
                break
            baseline = new
            self.measure()
        return baseline

    def checked(
        self, path: str | None, baseline: baselines.Baseline | None
    ) -> Iterator[guard.ContextCheck]:
        """Yield the check of each build. Raises `InputError` for a baseline of another builder."""
        for each, report in zip(self._builds, self._reports, strict=True):
            if each.is_policy:
                old = None
            else:
                old = baseline
            if old is None:
                entry = None
            else:
                entry = old.get(each.name)
            if entry is not None and entry.builder != report.builder:
                message = f"{each.name} was recorded for {entry.builder}, not for {report.builder}"
                raise InputError(message, path=path, hint="--update-baseline")
            judged = guard.judge(each.name, report, each.budget, old)
            yield self._helped(each.build, self._accepting(each, judged))

    def _accepting(self, each: BudgetedBuild, judged: guard.ContextCheck) -> guard.ContextCheck:
        """Return a check with its assertions, and without accepted findings; a policy has none."""
        budget = each.budget
        found = judged.findings
        report = judged.report
        if count := len(budget.require) + len(budget.forbid):
            plan = plan_with_hint(each.build, self._plans)
            found = (*found, *assertions.broken(plan, each.name, budget))
        # What findings about the context may concern.
        if report.ignore_file:
            ignore_file = report.ignore_file.path
        else:
            ignore_file = None
        about = [path for path in (report.context_path, ignore_file, report.dockerfile) if path]
        if each.is_policy:
            wanted = Wanted(Config())
        else:
            wanted = self.wanted
        reasons = [wanted.judged(one, *about) for one in found]
        left = tuple(one for one, reason in reasons if reason is None)
        accepted = tuple(guard.Accepted(one, why) for one, why in reasons if why is not None)
        judged = replace(judged, findings=left, accepted=accepted)
        return replace(judged, assertions=count, policy=each.is_policy)

    def _helped(self, build: Build, judged: guard.ContextCheck) -> guard.ContextCheck:
        """Add what `suggest --write` would save, if the context is too large."""
        from ctxsize.engine.snapshot import Snapshot
        from ctxsize.recommender.advisor import Advisor
        from ctxsize.recommender.tree import is_below

        if not (missed := [each for each in judged.missed if not each.is_floor]):
            return judged
        plan = plan_with_hint(build, self._plans)
        advice = Advisor(Snapshot.take(plan, progress=self._progress)).advise()
        saved = advice.saving
        if missed[0].of == "context":
            saved = advice.before.context - advice.after.context
        if advice.edit is None or not any(guard.in_unit(e.unit, saved) > 0 for e in missed):
            return judged
        enough = all(each.over <= guard.in_unit(each.unit, saved) for each in missed)
        text = _offer(missed, saved)
        found = [replace(e, help=text) if e.code in _LARGE else e for e in judged.findings]
        chosen = (each for each in advice.suggestions if each.chosen)
        gone = {path for each in chosen for path in each.paths}
        paths = (each.path for each in judged.culprits)
        left = next((path for path in paths if not is_below(f"{path}/", gone)), None)
        remedy = guard.Remedy(saved, enough, left)
        return replace(judged, remedy=remedy, findings=tuple(found))


def _measured(
    plan: Plan,
    config: Config | None,
    *,
    top: int,
    depth: int,
    progress: Progress | None = None,
) -> Report:
    """Return the report of a plan, without the problems that `config` accepts."""
    report = measure(plan, top=top, depth=depth, progress=progress)
    report = with_transfers(plan, report, progress=progress)
    if report.is_debatable:
        return without_accepted(plan, report, config)
    return report


def _offer(missed: Sequence[guard.Limit], saved: Amount) -> str:
    """Return the command that saves something, and how much of what is too much, if not all."""
    command = "ctxsize suggest --write saves"
    for limit in missed:
        part = guard.in_unit(limit.unit, saved)
        if part < limit.over and limit.unit == "bytes":
            return f"{command} {human(part)} of the {human(limit.over)} over the budget"
        if part < limit.over:
            return f"{command} {part:,} of the {plural(limit.over, 'file')} over the budget"
    return f"{command} {human(saved.content_bytes)}, which is enough"


def _entry(name: str, report: Report) -> baselines.Known:
    if report.lower_bound:
        message = f"{name}: a part of it could not be counted, so no baseline was written"
        raise InputError(message, path=report.context_path)
    known = baselines.of_measurement(report.context)
    kept = baselines.worth_keeping(known, directories=_DIRECTORIES, files=_FILES)
    if report.transfer is None:
        transfer = None
    else:
        transfer = guard.actual(report, "transfer")
    return replace(kept, builder=report.builder, transfer=transfer)


def diff(
    before: StrPath,
    after: StrPath | None = None,
    *,
    name: str | None = None,
    **options: Unpack[Options],
) -> DiffReport:
    """Return the changes between two saved reports.

    Either may be a directory, which is measured with `options`; `after` is by default the
    working directory. `name` chooses one of several contexts in a file.
    Raises `InputError` for a file that is not a report, and the errors of `measure`.
    """
    from ctxsize.engine.checkout import sent_sizes
    from ctxsize.engine.walk import Walk

    def side(place: str) -> Contexts:
        if not os.path.isdir(place):
            return comparison.saved(place, name)
        plan = plan_for(place, **options)
        report = _measured(plan, None, top=1, depth=0)
        return {"": comparison.measured(sent_sizes(Walk(plan)), report, plan.spec)}

    before = path_of(before)
    after = path_of(after or ".")
    return comparison.compare(before, side(before), after, side(after))


def diff_checkout(context: StrPath = ".", **options: Unpack[Options]) -> DiffReport:
    """Return the changes from a clean checkout of HEAD to the working tree of a context.

    Nothing is checked out. Raises `InputError` without a commit, and the errors of `measure`.
    """
    from ctxsize.engine.checkout import Checkout

    context = path_of(context)
    plan = plan_for(context, **options)
    found = Checkout(plan)
    report = _measured(plan, None, top=1, depth=0)
    here = comparison.measured(found.here, report, plan.spec)
    head = comparison.measured(found.sizes, report, found.plan.spec)
    outcome = comparison.compare("HEAD", {"": head}, context, {"": here})
    return replace(outcome, differences=found.differences, problems=found.problems)

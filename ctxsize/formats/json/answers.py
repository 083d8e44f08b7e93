"""The JSON of what the other commands answer: a function for each kind of outcome."""

from __future__ import annotations

from ctxsize.formats.json import Shape, amount, edit, findings, picked, problems

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.advice import DockerfileAdvice
    from ctxsize.clean.plan import CleanCandidate, Cleaning, Passed, Result
    from ctxsize.codes import Rules
    from ctxsize.findings import Finding
    from ctxsize.lints.run import Linted, LintedFile
    from ctxsize.model import Amount
    from ctxsize.recommender.outcome import Advice, Blocked, IgnoreFilePlan, Note, Size, Suggestion
    from ctxsize.scanning import Row, Scan

_SIZES = "files content_bytes disk_bytes"


def suggested(advice: Advice) -> Shape:
    """Return what `suggest.schema.json` describes."""
    names = "context_path dockerfile builder ignore_file new_file written lower_bound"
    return {
        "version": 1,
        **picked(advice, names),
        "before": _size(advice.before),
        "after": _size(advice.after),
        "saving": amount(advice.saving),
        "suggestions": [_suggestion(each) for each in advice.suggestions],
        "questions": [
            {"path": each.path, "size": amount(each.size), "note": each.note}
            for each in advice.questions
        ],
        "blocked": [_blocked(each) for each in advice.blocked],
        "findings": findings(advice.findings),
        "git_ignored": None if advice.git_ignored is None else amount(advice.git_ignored),
        "git_ignored_secrets": advice.git_ignored_secrets,
        "problems": problems(advice.problems, "code message path line effect count"),
    }


def _size(size: Size) -> Shape:
    transfer = None if size.transfer is None else amount(size.transfer)
    return {"context": amount(size.context), "transfer": transfer}


def _suggestion(each: Suggestion) -> Shape:
    return {
        "rule": each.rule.name,
        "category": each.rule.category.value,
        **picked(each, "patterns paths keeps"),
        "why": each.rule.why,
        "made_again_by": each.rule.again or None,
        "evidence": list(each.evidence),
        "saves": _size(each.size),
        "confidence": each.rule.confidence,
        **picked(each, "safe doubts"),
        "volatile": each.rule.volatile,
        "chosen": each.chosen,
    }


def _blocked(each: Blocked) -> Shape:
    return {
        **picked(each, "rule path"),
        "blocked_by": each.trap,
        **picked(each, "reason evidence"),
        "size": amount(each.size),
    }


def planned(plan: IgnoreFilePlan) -> Shape:
    """Return what `plan.schema.json` describes."""
    change = plan.change
    return {
        "version": 1,
        **picked(plan, "mode context_path dockerfile builder ignore_file new_file"),
        "changes": plan.edit is not None,
        "written": plan.written,
        "impossible": change.impossible or None,
        "hint": change.hint or None,
        "before": _size(plan.before),
        "after": _size(plan.after),
        "added": [picked(each, "line heading reason") for each in change.added],
        "removed": [picked(each, "line text why") for each in change.removed],
        "notes": [_note(each) for each in change.notes],
        "findings": findings(plan.findings),
        "problems": problems(plan.problems, "code message path line effect count"),
    }


def _note(note: Note) -> Shape:
    return {**picked(note, "subject why"), "path": note.path or None, "line": note.line}


def linted(outcome: Linted) -> Shape:
    """Return what `lint.schema.json` describes."""
    return {
        "version": 1,
        "findings": findings(outcome.findings),
        "files": [_linted_file(each) for each in outcome.files],
        "problems": problems(outcome.problems),
    }


def _linted_file(file: LintedFile) -> Shape:
    return {
        **picked(file, "path context dockerfiles patterns content_bytes files suppressed"),
        "mended": [_mended(each) for each in file.mended],
        "edit": None if file.edit is None else edit(file.edit),
    }


def _mended(finding: Finding) -> Shape:
    assert finding.fix is not None
    fields = {"code": finding.code, "line": finding.location.line}
    return fields | picked(finding.fix, "message certain")


def advised(advice: DockerfileAdvice) -> Shape:
    """Return what `advise.schema.json` describes."""
    return {
        "version": 1,
        **picked(advice, "root dockerfiles"),
        "findings": findings(advice.findings),
        "mended": findings(advice.mended),
        "edits": [edit(each) for each in advice.edits],
        "problems": problems(advice.problems),
    }


def scanned(scan: Scan) -> Shape:
    """Return what `scan.schema.json` describes."""
    return {
        "version": 1,
        **picked(scan, "root lower_bound"),
        "builds": [_row(each) for each in scan.rows],
        "findings": findings(scan.findings),
        "advice": scan.advice,
        "problems": problems(scan.problems),
    }


def _row(row: Row) -> Shape:
    build = row.build
    return {
        "context": build.context,
        "dockerfile": row.dockerfile,
        "target": build.shown_target,
        # Their values come from files and the environment: they may be secrets.
        "build_arguments": dict.fromkeys(map(build.masked, build.build_arguments)),
        "platforms": list(map(build.masked, build.platforms)),
        "builder": build.builder,
        "guessed": row.found.guessed,
        "places": [
            picked(each, "how name") | picked(each.where, "path line") for each in row.places
        ],
        "ignore_file": row.ignore_file,
        "context_size": _bytes_first(row.context),
        "transfer": _bytes_first(row.transfer),
        "saving": _bytes_first(row.saving),
        **picked(row, "findings error"),
    }


def _bytes_first(value: Amount | None) -> Shape | None:
    return None if value is None else picked(value, "content_bytes files")


def cleaned(outcome: Cleaning) -> Shape:
    """Return what `clean.schema.json` describes."""
    plan = outcome.plan
    return {
        "version": 1,
        **picked(outcome, "root applied complete"),
        "total": picked(plan.sums, "files content_bytes disk_bytes held_elsewhere_bytes"),
        "items": [_item(each) for each in plan.items],
        "left_alone": [_passed(each) for each in plan.passed],
        "results": [_result(each) for each in outcome.results],
        "problems": problems(plan.problems, "code message path"),
    }


def _item(item: CleanCandidate) -> Shape:
    inventory = item.inventory
    return {
        **picked(item, "path kind ecosystem category service evidence"),
        **picked(inventory.size, "files content_bytes disk_bytes held_elsewhere_bytes"),
        **picked(inventory, "directories symlinks newest_ns"),
        "parts": [{"name": name, **picked(size, _SIZES)} for name, size in inventory.parts.items()],
    }


def _passed(each: Passed) -> Shape:
    sizes = dict.fromkeys(_SIZES.split()) if each.size is None else picked(each.size, _SIZES)
    return {**picked(each, "path kind ecosystem service code message by_choice"), **sizes}


def _result(result: Result) -> Shape:
    return {
        **picked(result, "path done files disk_bytes"),
        "message": result.message or None,
        "left": list(result.left),
    }


def explained(rules: Rules) -> Shape:
    """Return what `rules.schema.json` describes."""
    names = "slug severity summary why bad good"
    return {
        "version": 1,
        "codes": [{"code": each.name, **picked(each, names)} for each in rules.codes],
    }

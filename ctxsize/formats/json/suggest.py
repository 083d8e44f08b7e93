"""Advice for programs; see `suggest.schema.json`."""

from __future__ import annotations

from typing import Any

from ctxsize.formats.json import findings
from ctxsize.model import Amount, Problem
from ctxsize.recommender.outcome import Advice, Blocked, Question, Size, Suggestion

VERSION = 1


def shape(advice: Advice) -> dict[str, Any]:
    """`advice` as plain JSON values."""
    return {
        "version": VERSION,
        "context_path": advice.context_path,
        "dockerfile": advice.dockerfile,
        "builder": advice.builder,
        "ignore_file": advice.ignore_file,
        "new_file": advice.new_file,
        "written": advice.written,
        "lower_bound": advice.lower_bound,
        "before": size_shape(advice.before),
        "after": size_shape(advice.after),
        "saving": _amount(advice.saving),
        "suggestions": [_suggestion(each) for each in advice.suggestions],
        "questions": [_question(each) for each in advice.questions],
        "blocked": [_blocked(each) for each in advice.blocked],
        "findings": findings.shapes(advice.findings),
        "git_ignored": None if advice.git_ignored is None else _amount(advice.git_ignored),
        "git_ignored_secrets": advice.git_ignored_secrets,
        "problems": [problem_shape(each) for each in advice.problems],
    }


def _amount(amount: Amount) -> dict[str, Any]:
    return {"files": amount.files, "content_bytes": amount.content_bytes}


def size_shape(size: Size) -> dict[str, Any]:
    """A size: the context, and what travels."""
    return {
        "context": _amount(size.context),
        "transfer": None if size.transfer is None else _amount(size.transfer),
    }


def _suggestion(each: Suggestion) -> dict[str, Any]:
    return {
        "rule": each.rule,
        "category": each.category,
        "patterns": list(each.patterns),
        "paths": list(each.paths),
        "keeps": list(each.keeps),
        "why": each.why,
        "made_again_by": each.again or None,
        "evidence": list(each.evidence),
        "saves": size_shape(each.size),
        "confidence": each.confidence,
        "safe": each.safe,
        "doubts": list(each.doubts),
        "volatile": each.volatile,
        "chosen": each.chosen,
    }


def _question(each: Question) -> dict[str, Any]:
    return {"path": each.path, "size": _amount(each.size), "note": each.note}


def _blocked(each: Blocked) -> dict[str, Any]:
    return {
        "rule": each.rule,
        "path": each.path,
        "blocked_by": each.trap,
        "reason": each.reason,
        "evidence": each.evidence,
        "size": _amount(each.size),
    }


def problem_shape(each: Problem) -> dict[str, Any]:
    """A problem, as every report has it."""
    return {
        "code": each.code,
        "message": each.message,
        "path": each.path,
        "line": each.line,
        "effect": each.effect.value,
        "count": each.count,
    }

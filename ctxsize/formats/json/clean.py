"""What `ctxsize clean` found and did, for programs: described in `clean.schema.json`."""

from __future__ import annotations

from typing import Any

from ctxsize.clean.values import CleanCandidate, Cleaning, CleanSums, Passed, Result

VERSION = 1


def shape(outcome: Cleaning) -> dict[str, Any]:
    """`outcome` as plain JSON values."""
    plan = outcome.plan
    return {
        "version": VERSION,
        "root": outcome.root,
        "applied": outcome.applied,
        "complete": outcome.complete,
        "refused": outcome.refused or None,
        "reasons": list(outcome.reasons),
        "total": _sums(plan.sums),
        "items": [_item(each) for each in plan.items],
        "left_alone": [_passed(each) for each in plan.passed],
        "results": [_result(each) for each in outcome.results],
        "problems": [
            {"code": each.code, "message": each.message, "path": each.path}
            for each in plan.problems
        ],
    }


def _sums(sums: CleanSums) -> dict[str, int]:
    return {
        "files": sums.files,
        "content_bytes": sums.content_bytes,
        "disk_bytes": sums.disk_bytes,
        "held_elsewhere_bytes": sums.held_elsewhere_bytes,
    }


def _item(item: CleanCandidate) -> dict[str, Any]:
    inventory = item.inventory
    return {
        "path": item.path,
        "kind": item.kind,
        "ecosystem": item.ecosystem,
        "category": item.category.value,
        "service": item.service,
        "evidence": list(item.evidence),
        "files": inventory.files,
        "directories": inventory.directories,
        "symlinks": inventory.symlinks,
        "content_bytes": inventory.content_bytes,
        "disk_bytes": inventory.disk_bytes,
        "held_elsewhere_bytes": inventory.held_elsewhere_bytes,
        "newest_ns": inventory.newest_ns,
        "parts": [
            {
                "name": each.name,
                "files": each.files,
                "content_bytes": each.content_bytes,
                "disk_bytes": each.disk_bytes,
            }
            for each in inventory.parts
        ],
    }


def _passed(passed: Passed) -> dict[str, Any]:
    return {
        "path": passed.path,
        "kind": passed.kind,
        "ecosystem": passed.ecosystem,
        "service": passed.service,
        "code": passed.code,
        "message": passed.message,
        "by_choice": passed.by_choice,
        "files": passed.files,
        "content_bytes": passed.content_bytes,
        "disk_bytes": passed.disk_bytes,
    }


def _result(result: Result) -> dict[str, Any]:
    return {
        "path": result.path,
        "done": result.done,
        "files": result.files,
        "disk_bytes": result.disk_bytes,
        "message": result.message or None,
        "left": list(result.left),
    }

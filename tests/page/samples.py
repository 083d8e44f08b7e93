"""Pages by hand: a directory is a dict, a file is (bytes, class)."""

from __future__ import annotations

from typing import Any

Tree = dict[str, Any]


def node(name: str, value: Any) -> list[Any]:
    if isinstance(value, dict):
        kids = sorted((node(*each) for each in value.items()), key=lambda kid: -total(kid))
        return [name, "d", [], kids, 0]
    content_bytes, index = value
    return [name, "f", [[index, content_bytes, 1]], [], 0]


def total(tree: list[Any]) -> int:
    return sum(each[1] for each in tree[2]) + sum(map(total, tree[3]))


def files(tree: list[Any]) -> int:
    return sum(each[2] for each in tree[2]) + sum(map(files, tree[3]))


def one(tree: Tree, classes: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    made = node("", tree)
    figures = [total(made), files(made)]
    return {
        "name": "service",
        "verdict": "Too big: 20.2 GB would be sent",
        "context_path": "service",
        "dockerfile": "service/Dockerfile",
        "builder": "buildkit",
        "command": "ctxsize measure service",
        "before": {"context": figures, "transfer": figures},
        "printed": "Docker prints  transferring context: 20.20GB",
        "budget": None,
        "lower_bound": False,
        "failures": [],
        "ignore_file": None,
        "after": None,
        "error": None,
        "rules": [],
        "patterns": ["**/node_modules"],
        "instructions": ["COPY . . (Dockerfile:4)"],
        "classes": classes,
        "tree": made,
    } | more


def page(*maps: dict[str, Any], kind: str = "measure", title: str = "service") -> dict[str, Any]:
    return {"version": 1, "kind": kind, "title": title, "made": "ctxsize 0.1.0", "maps": list(maps)}

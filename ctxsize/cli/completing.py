"""Complete codes, stages, rules and paths in a shell; a broken file completes to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], list["CompletionItem"]]
Found = Iterable[tuple[str, str]]  # values, each with a description that zsh and fish show

files = click.Path().shell_complete
directories = click.Path(file_okay=False).shell_complete


def _offering(find: Callable[[click.Context, str], Found]) -> Complete:
    """Return a completion with the values of `find` that begin with what was typed."""

    def complete(ctx: click.Context, param: click.Parameter, typed: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        try:
            found = [each for each in find(ctx, typed) if each[0].startswith(typed)]
        except Exception:  # an error would be printed into the line that the user types
            return []
        return [CompletionItem(value, help=text or None) for value, text in found]

    return complete


@_offering
def stages(ctx: click.Context, typed: str) -> Found:
    """Complete a stage of the Dockerfile."""
    from ctxsize.build import Build
    from ctxsize.engine.builders import BUILDKIT
    from ctxsize.engine.plan import plan_of

    build = Build(ctx.params.get("context") or ".", ctx.params.get("dockerfile"))
    if build.dockerfile == "-":  # stdin is the terminal
        return []
    stages = plan_of(build, BUILDKIT, patterns=False).parsed.dockerfile.stages
    return [(each.name, f"FROM {each.base}") for each in stages if each.name]


@_offering
def rules(ctx: click.Context, typed: str) -> Found:
    """Complete a rule of `suggest`."""
    from ctxsize.knowledge.rules import all_rules

    return [(each.name, each.why) for each in all_rules().values()]


@_offering
def named(ctx: click.Context, typed: str) -> Found:
    """Complete the name of a named context."""
    return [(each.partition("=")[0], each) for each in ctx.params.get("build_contexts") or ()]


def codes(start: str) -> Complete:
    """Return a completion with the codes of this prefix, also behind a comma.

    Without a prefix, what is typed in lower case is the start of a slug.
    """

    def find(ctx: click.Context, typed: str) -> Found:
        from ctxsize.codes import code_of, names

        lead = typed[: typed.rfind(",") + 1]
        left = [code_of(each) for each in names(start) if each not in lead.split(",")]
        by_slug = not start and typed.islower()
        return [(lead + (each.slug if by_slug else each.name), each.summary) for each in left]

    return _offering(find)


def rules_or_files(ctx: click.Context, param: click.Parameter, typed: str) -> list[CompletionItem]:
    """Complete a rule, or else a path."""
    return rules(ctx, param, typed) or files(ctx, param, typed)

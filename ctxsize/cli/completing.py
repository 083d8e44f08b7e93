"""Complete codes, stages, rules and paths in a shell; a broken file completes to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click
from click import Context, Parameter

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Complete = Callable[[Context, Parameter, str], list["CompletionItem"]]
Completions = Iterable[tuple[str, str]]  # each with a description that zsh and fish show

files = click.Path().shell_complete
directories = click.Path(file_okay=False).shell_complete


def _completing(find: Callable[[Context, str], Completions]) -> Complete:
    """Return a completion with the values of `find` that begin with what was typed."""

    def complete(ctx: Context, param: Parameter, typed: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        try:
            completions = [*find(ctx, typed)]
        except Exception:  # an error would be printed into the line that the user types
            return []
        return [
            CompletionItem(text, help=description or None)
            for text, description in completions
            if text.startswith(typed)
        ]

    return complete


@_completing
def stages(ctx: Context, typed: str) -> Completions:
    """Complete a stage of the Dockerfile."""
    from ctxsize.build import Build
    from ctxsize.engine.builders import BUILDKIT
    from ctxsize.engine.plan import plan_of

    build = Build(ctx.params.get("context") or ".", ctx.params.get("dockerfile"))
    if build.dockerfile == "-":  # stdin is the terminal
        return []
    stages = plan_of(build, BUILDKIT, patterns=False).parsed.dockerfile.stages
    return [(stage.name, f"FROM {stage.base}") for stage in stages if stage.name]


@_completing
def rules(ctx: Context, typed: str) -> Completions:
    """Complete a rule of `suggest`."""
    from ctxsize.knowledge.rules import all_rules

    return [(rule.name, rule.why) for rule in all_rules().values()]


@_completing
def named(ctx: Context, typed: str) -> Completions:
    """Complete the name of a named context."""
    for option in ctx.params.get("build_contexts") or ():
        yield option.partition("=")[0], option


def codes(start: str) -> Complete:
    """Return a completion with the codes of this prefix, also behind a comma.

    Without a prefix, what is typed in lower case is the start of a slug.
    """

    def find(ctx: Context, typed: str) -> Completions:
        from ctxsize.codes import code_of, names

        lead = typed[: typed.rfind(",") + 1]
        for name in names(start):
            if name in lead.split(","):
                continue
            code = code_of(name)
            if not start and typed.islower():
                name = code.slug
            yield f"{lead}{name}", code.summary

    return _completing(find)


def rules_or_files(ctx: Context, param: Parameter, typed: str) -> list[CompletionItem]:
    """Complete a rule, or else a path."""
    return rules(ctx, param, typed) or files(ctx, param, typed)

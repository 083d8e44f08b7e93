"""Docker's classic builder: the command line sends a tar stream (`DOCKER_BUILDKIT=0`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from ctxsize.engine.builders.builder import Builder
from ctxsize.engine.patterns import DockerIgnorePattern, DockerIgnoreSpec


class ClassicIgnoreSpec(DockerIgnoreSpec):
    """The same patterns with other pruning: exceptions are paths, even those with wildcards."""

    @cached_property
    def reach(self) -> Sequence[str] | None:
        """Return the exceptions' texts, taken literally."""
        return [pattern.text for pattern in self.patterns if pattern.include is False]

    def ignores_with_one_ancestor(self, path: str) -> bool:
        """Return whether moby's deprecated `Matches` calls `path` ignored.

        It looks at the path and at one ancestor, the one as deep as the pattern.
        The command line asks it, and only it, about the files it needs itself.
        """
        parents = path.split("/")[:-1]
        ignored = False
        for pattern in self.patterns:
            # Each looks for itself: what one matched does not hold for what comes below.
            if bool(pattern.include) == ignored:
                continue
            if self._matches_with_ancestor(pattern, path, parents):
                ignored = not ignored
        return ignored

    @staticmethod
    def _matches_with_ancestor(pattern: DockerIgnorePattern, path: str, parents: list[str]) -> bool:
        if pattern.match_file(path) is not None:
            return True
        depth = pattern.text.count("/") + 1
        return depth <= len(parents) and pattern.match_file("/".join(parents[:depth])) is not None


def needed_files(spec: DockerIgnoreSpec, dockerfile: str | None) -> Sequence[str]:
    """Return the exceptions that keep the ignore file and the Dockerfile in the stream.

    The daemon needs both and removes them again if the patterns ignore them.
    """
    assert isinstance(spec, ClassicIgnoreSpec)
    wanted = [".dockerignore"] if dockerfile is None else [".dockerignore", dockerfile]
    return [f"!{path}" for path in wanted if spec.ignores_with_one_ancestor(path)]


CLASSIC = Builder(
    name="classic",
    title="the classic builder",
    spec_class=ClassicIgnoreSpec,
    dockerfile_names=("Dockerfile", "dockerfile"),
    fetches_dockerfile=False,
    specific_suffixes=(),
    ignore_file_names=(".dockerignore",),
    links_may_leave=True,
    must_read=True,
    longest_line=True,
    check_patterns=None,
    checks_as_written=False,
    replaces_undecodable=False,
    always_sends=needed_files,
    asks_for_paths=False,
    sends_ignored_parents=False,
    sends_only_utf8=False,
    unreadable_stops=True,
    refuses_to_open=False,
    sends_sockets=False,
    confuses_file_systems=False,
    links_symlinks=True,
    meter="tar",
    announces="Sending build context to Docker daemon  {}",
    resends=True,
)

"""YAML with the lines of its keys, scalars left as they are written.

What a scalar means is for its reader to say: Compose and GitHub do not agree
with YAML 1.1 about `on`, `yes` and `010`.
"""

from __future__ import annotations

from typing import Any

_DEEPEST = 100


class YamlError(Exception):
    """The text is no YAML; `line` says where, 1-based."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class Mapping(dict[str, Any]):
    """A mapping, where it begins, and the lines of its keys."""

    line: int = 0
    lines: dict[str, int]

    def line_of(self, key: str) -> int:
        """The line of a key, or of the mapping."""
        return self.lines.get(key, self.line)


class Text(str):
    """A scalar as it is written; `plain` if no quotes say that it is a string."""

    plain: bool = False
    written: str = ""
    """What stands in the file, where variables were replaced in it."""


def written(value: object) -> str:
    """Return a value as it stands in the file, for a message."""
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {written(each)}' for name, each in value.items())}}}"
    if isinstance(value, TaggedScalar):
        return f"{value.tag} {written(value.value)}"
    return (isinstance(value, Text) and value.written) or str(value)


class TaggedScalar:
    """A value behind `!reset` or `!override`, which Compose obeys when files are merged."""

    def __init__(self, tag: str, value: Any) -> None:
        self.tag = tag
        self.value = value


def load(text: str) -> Any:
    """The first document of `text`: `Mapping`, list, `Text`, None or `TaggedScalar`.

    Anchors, aliases and merge keys are resolved; a value that several aliases
    name is one object. Raises `YamlError`.
    """
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        _limit(loader)
    except yaml.YAMLError as error:  # for instance a NUL, which no YAML holds
        raise YamlError(str(error).splitlines()[0], None) from None
    try:
        node = loader.get_node() if loader.check_node() else None
        return None if node is None else _Reading(loader).value(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = error.problem or "no YAML"
        raise YamlError(message, None if mark is None else mark.line + 1) from None
    except yaml.YAMLError as error:
        raise YamlError(str(error).splitlines()[0], None) from None
    except RecursionError:
        raise YamlError("nested too deeply", None) from None
    finally:
        loader.dispose()


def _limit(loader: Any) -> None:
    """Make `loader` raise early: it takes quadratic time for brackets in each other."""
    fetch = loader.fetch_flow_collection_start

    def checked(token: Any) -> None:
        if loader.flow_level >= _DEEPEST:
            raise YamlError("nested too deeply", None)
        fetch(token)

    loader.fetch_flow_collection_start = checked


class _Reading:
    """Turns nodes into values, each node once."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._flatten = loader.flatten_mapping
        loader.flatten_mapping = self._flattened
        self._done: dict[int, Any] = {}
        self._heights: dict[int, int] = {}

    def value(self, node: Any) -> Any:
        if id(node) not in self._done:
            # A value that holds itself is met again before it is complete.
            self._done[id(node)] = None
            self._done[id(node)] = self._made(node)
            self._check_height(node)
        return self._done[id(node)]

    def _check_height(self, node: Any) -> None:
        """Raise `YamlError` for what is nested deeply, aliases of aliases included."""
        inner = node.value if isinstance(node.value, list) else []
        below = (each[1] if isinstance(each, tuple) else each for each in inner)
        height = 1 + max((self._heights.get(id(each), 0) for each in below), default=0)
        self._heights[id(node)] = height
        if height > _DEEPEST:
            raise YamlError("nested too deeply", node.start_mark.line + 1)

    def _made(self, node: Any) -> Any:
        if node.tag in ("!reset", "!override"):
            return TaggedScalar(node.tag, self._plain(node))
        return self._plain(node)

    def _plain(self, node: Any) -> Any:
        import yaml

        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each) for each in node.value]
        if node.style is None and node.value in ("", "~", "null", "Null", "NULL"):
            return None
        text = Text(node.value)
        text.plain = node.style is None and node.tag != "!!str"
        return text

    def _mapping(self, node: Any) -> Mapping:
        self._flattened(node)
        found = Mapping()
        found.line, found.lines = node.start_mark.line + 1, {}
        for key_node, value_node in node.value:
            key = _key(key_node)
            found[key] = self.value(value_node)
            found.lines[key] = key_node.start_mark.line + 1
        return found

    def _flattened(self, node: Any) -> None:
        """Work merge keys in, each key once: else those that name this mapping would double it."""
        self._flatten(node)
        node.value = [*{_key(each[0]): each for each in node.value}.values()]


def _key(node: Any) -> str:
    return str(node.value) if isinstance(node.value, str) else repr(node.value)

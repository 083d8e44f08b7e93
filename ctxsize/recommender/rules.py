"""The values of the knowledge: rules and markers. `knowledge/load.py` makes them from TOML.

A marker is what proves that a directory or a file is what its name says. It is
a value; `ctxsize.recommender.evidence` looks whether it holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

MIB = 1024 * 1024


class Category(str, Enum):
    """The purpose of a thing, which decides what may be done with it."""

    ARTEFACT = "artefact"
    CACHE = "cache"
    DEPS = "deps"
    VCS = "vcs"
    IDE = "ide"
    OS = "os"
    DOCS = "docs"
    TESTS = "tests"
    CI = "ci"
    DOCKER = "docker"
    DATA = "data"
    CONFIG = "config"
    SECRET = "secret"
    LOG = "log"

    @property
    def heading(self) -> str:
        """Return the heading over its patterns in an ignore file."""
        return _HEADINGS[self]

    @property
    def belongs_to_sources(self) -> bool:
        """Return whether it is usually tracked, so that tracked files prove nothing against it."""
        return self in _TRACKED


_HEADINGS = {
    Category.ARTEFACT: "Build artefacts",
    Category.CACHE: "Caches",
    Category.DEPS: "Installed dependencies",
    Category.VCS: "Version control",
    Category.IDE: "Editors",
    Category.OS: "Operating systems",
    Category.DOCS: "Documentation",
    Category.TESTS: "Tests",
    Category.CI: "Continuous integration",
    Category.DOCKER: "Docker",
    Category.DATA: "Local data",
    Category.CONFIG: "Settings of this machine",
    Category.SECRET: "Secrets",
    Category.LOG: "Logs",
}
_TRACKED = frozenset(
    {
        Category.VCS,
        Category.IDE,
        Category.OS,
        Category.DOCS,
        Category.TESTS,
        Category.CI,
        Category.DOCKER,
    }
)


class EntryType(str, Enum):
    """The type of the entry that a rule looks for."""

    DIRECTORY = "directory"
    FILE = "file"
    SYMLINK = "symlink"


class Form(str, Enum):
    """The pattern that a proven thing becomes."""

    ANYWHERE = "anywhere"
    """`**/name`: the name means the same wherever it stands, and all there are were proved."""
    ANCHORED = "anchored"
    """The path itself: directories of that name are often something else."""


@dataclass(frozen=True)
class Beside:
    """One of these stands beside it; glob names, `../` for the directory above."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class BesideAll:
    """All of these stand beside it."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Inside:
    """One of these is in the directory; glob paths, `*` does not cross a `/`."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class InsideAll:
    """All of these are in the directory."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Tagged:
    """A valid `CACHEDIR.TAG` is in it."""


@dataclass(frozen=True)
class SelfIgnored:
    """It holds a `.gitignore` that ignores all of it."""


@dataclass(frozen=True)
class GitIgnored:
    """Git ignores it and tracks nothing of it."""


@dataclass(frozen=True)
class Untracked:
    """A repository covers it, and git does not know it."""


@dataclass(frozen=True)
class Content:
    """A regular expression is found in the file's first 8 KiB."""

    pattern: str


@dataclass(frozen=True)
class Begins:
    """The file has one of these bytes, in hexadecimal, at an offset."""

    magics: tuple[str, ...]
    offset: int = 0


@dataclass(frozen=True)
class Twin:
    """The file of the same name without this ending stands beside it."""

    ending: str


@dataclass(frozen=True)
class AtLeast:
    """It has this many bytes or more."""

    size_bytes: int


@dataclass(frozen=True)
class MostlyOf:
    """Files with these endings hold more than half of its bytes."""

    endings: tuple[str, ...]


@dataclass(frozen=True)
class OnlyPrograms:
    """Every file in it is a compiled program."""


@dataclass(frozen=True)
class OnlyDocuments:
    """Every file in it is text, markup or a picture; none is a program's source."""


@dataclass(frozen=True)
class Link:
    """It is a symlink whose target begins so."""

    into: str = ""


@dataclass(frozen=True)
class IsDockerfile:
    """It is the Dockerfile or the ignore file of a build of this context."""


@dataclass(frozen=True)
class Exists:
    """It is there: the name says what people use it for, and no more is known."""


@dataclass(frozen=True)
class AnyOf:
    """One of several markers."""

    markers: tuple[Marker, ...]


@dataclass(frozen=True)
class AllOf:
    """All of several markers."""

    markers: tuple[Marker, ...]


Marker = (
    Beside
    | BesideAll
    | Inside
    | InsideAll
    | Tagged
    | SelfIgnored
    | GitIgnored
    | Untracked
    | Content
    | Begins
    | Twin
    | AtLeast
    | MostlyOf
    | OnlyPrograms
    | OnlyDocuments
    | Link
    | IsDockerfile
    | Exists
    | AnyOf
    | AllOf
)


@dataclass(frozen=True)
class Rule:
    """One kind of directory or file, and what is known about it."""

    name: str
    """`rust.target`: the ecosystem, and a word for it."""
    find: tuple[str, ...]
    """Names or paths, the last of several components at any depth; `/x` at the top only.

    Empty for a directory of any name, which its marker alone gives away.
    """
    category: Category
    confidence: float
    """Probability that no build misses it, given that the marker holds and no trap fires."""
    marker: Marker
    why: str
    """One sentence."""
    again: str = ""
    """The command that makes it again; empty if none does."""
    kind: EntryType = EntryType.DIRECTORY
    form: Form = Form.ANYWHERE
    contents: bool = False
    """True if only its content is ignored and the directory itself stays."""
    volatile: bool = True
    """True if it changes without a change of the sources."""
    traps: tuple[str, ...] = ()
    """Names of the traps that concern it, besides those that concern all rules."""
    only_proved: bool = False
    """For secrets: match only by content, never by name."""
    never: bool = False
    """True if it is written down only to say why it is not suggested."""

    @property
    def ecosystem(self) -> str:
        """Return the part of the name before the dot."""
        return self.name.partition(".")[0]


EXISTS = Exists()

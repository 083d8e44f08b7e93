"""The outcomes that commands show, and the style in which text shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ctxsize.values import Value

if TYPE_CHECKING:
    from ctxsize.advice import DockerfileAdvice
    from ctxsize.clean import Cleaning
    from ctxsize.codes import Rules
    from ctxsize.guard import CheckReport
    from ctxsize.guard.comparison import DiffReport
    from ctxsize.history.affected import Affected
    from ctxsize.history.digest import Digests
    from ctxsize.history.growth import GrowthLog
    from ctxsize.lints import Linted
    from ctxsize.model import Report
    from ctxsize.recommender.outcome import Advice, Glance, IgnoreFilePlan
    from ctxsize.scanning import Scan
    from ctxsize.scanning.rows import Proposals

FindingsOutcome: TypeAlias = "Linted | DockerfileAdvice | Scan | Cleaning | Rules"
AnyOutcome: TypeAlias = (
    "Report | Glance | CheckReport | DiffReport | Advice | IgnoreFilePlan | Proposals "
    "| Affected | Digests | GrowthLog | FindingsOutcome"
)
"""The result of a command. Each has a different `kind`, and all have `findings`."""

GLANCE = "glance"  # the value of `Look.only` for `ctxsize [DIR]`: several builds in 20 lines
TABLES = ("dir", "ext", "pattern", "file")  # the tables of a report: the choices of `--by`
_LOW = 30  # lines of a screen with room for long facts and several problems
_NARROW = 60  # columns of a screen with room for notes beside names
_STYLES = {"bold": "1", "dim": "2", "green": "1;32", "yellow": "1;33", "red": "1;31", "blue": "36"}


class Look(Value):
    """The style of a text."""

    width: int = 80
    colour: bool = False
    top: int = 5  # number of rows of each table
    only: str | None = None  # the only table, if it is one alone
    tree: int = 0  # number of rows of the size tree; 0 for those that fit on a screen
    full: bool = False  # True to show everything, as with `--verbose`
    quiet: bool = False  # True to show only the answer, without next steps
    markdown: bool = False  # True for Markdown, which can fold what text leaves out
    height: int = 40  # number of lines of a screen

    @property
    def is_low(self) -> bool:
        """Return whether the screen has few lines."""
        return self.height < _LOW

    @property
    def is_narrow(self) -> bool:
        """Return whether the screen has few columns."""
        return self.width < _NARROW

    def paint(self, text: str, style: str) -> str:
        """Return `text` in a style, unchanged without colours."""
        if self.colour and text:
            return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"
        return text

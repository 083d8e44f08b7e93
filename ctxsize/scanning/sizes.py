"""What builds send now, and with an ignore file of suggestions: one advisor for each file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ctxsize.engine import need
from ctxsize.engine.need import Include
from ctxsize.engine.request import Request
from ctxsize.engine.snapshot import Snapshot
from ctxsize.errors import CtxsizeError
from ctxsize.model import Amount
from ctxsize.recommender.governed import discovered
from ctxsize.recommender.suggest import Advisor, Choice
from ctxsize.recommender.tree import travelling


@dataclass(frozen=True)
class Sizes:
    """The sizes of one build."""

    context: Amount
    transfer: Amount | None
    saving: Amount | None


def includes_of(request: Request) -> list[Include] | None:
    """Return the transfers of the build context; None where it is not known what travels.

    Raises what `need.includes_of` raises.
    """
    if request.builder.asks_for_paths and request.dockerfile is None:
        return None
    return need.includes_of(request)


class Sizing:
    """Sizes of builds; those that share an ignore file share its suggestions."""

    def __init__(self) -> None:
        self._discovering = cache(discovered)
        self._planned: dict[object, Snapshot | None] = {}

    def of(self, request: Request, snapshot: Snapshot) -> Sizes:
        """Return the sizes of a build. Raises `CtxsizeError` where the build would fail."""
        includes = includes_of(request)
        context = travelling(snapshot, [None])
        transfer = None if includes is None else travelling(snapshot, includes)
        planned = self._plan(request, snapshot)
        saving = None
        if planned is not None:
            saving = (transfer or context) - travelling(
                planned, [None] if includes is None else includes
            )
        return Sizes(context, transfer, saving)

    def _plan(self, request: Request, snapshot: Snapshot) -> Snapshot | None:
        """Return the context as it would be with the safe suggestions; None if there are none.

        Advice is proved for all Dockerfiles in the context, so it holds for each of them.
        """
        own = request.build if request.dockerfile_in_context is None else None
        path = None if request.ignore_file is None else request.ignore_file.path
        key = (request.root, path, request.builder.name, own and repr(own))
        if key not in self._planned:
            self._planned[key] = self._planned_now(request, snapshot)
        return self._planned[key]

    def _planned_now(self, request: Request, snapshot: Snapshot) -> Snapshot | None:
        try:
            advisor = Advisor(snapshot, discovering=self._discovering)
            advice = advisor.advise(Choice())
        except CtxsizeError:
            return None
        if advice.edit is None:
            return snapshot
        return advisor.trial.written(advisor.trial.attempt(advice.edit.after))

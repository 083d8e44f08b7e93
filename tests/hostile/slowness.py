"""Tries texts on expressions in a child, and says which ones take too much processor time."""

from __future__ import annotations

import mmap
import os
import resource
import signal
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from typing import Any

from tests.hostile.adversary import Adversary, Attack
from tests.hostile.expressions import Expression

Call = Callable[[Any, Any], object]
Progress = memoryview
"""What a child is at: the numbers of an expression and of a text, and the number of characters."""

LENGTH = 131_072  # number of characters of a text
SECONDS = 0.25  # of processor time, for each text: by the square, that is 1 for twice the length
_LENGTHS = (1_024, 4_096, 16_384, 65_536)  # number of characters of texts that come first
_GROWTH = 5.5  # four times the length takes four times the time, or sixteen times it
_FIRST_GROWTH = 4.5  # up to the shortest text: a quarter of it shows at once what grows with it
_SECONDS_A_CHARACTER = 0.000_002  # so many go on however they grew: other work may disturb
_SUSPICIOUS_SECONDS = 0.000_012  # for the shortest text: by the square, that is 0.2 for the longest


def slow_ones(expressions: Sequence[Expression]) -> dict[Expression, str]:
    """Return the expressions that take too long, with the way and the attack of each."""
    found = dict[Expression, str]()
    start = 0
    while start < len(expressions):
        slow, attack = _first_slow(expressions[start:])
        if attack:
            found[expressions[start + slow]] = attack
        start += slow + 1
    return found


def _first_slow(expressions: Sequence[Expression]) -> tuple[int, str]:
    """Return the place of the first expression that is slow and the attack, or the number of all.

    A child tries one after the other, until one ends it.
    """
    progress = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("Q")
    child = os.fork()
    if child == 0:
        _attack_all(expressions, progress)
    _, status = os.waitpid(child, 0)
    if status == 0:
        return len(expressions), ""
    place, number, length = progress[:3]
    way, attack = next(islice(_attacks_on(expressions[place]), number, None))
    return place, f"{way} {attack}, {length:,} characters, ended with {status}"


def _attack_all(expressions: Sequence[Expression], progress: Progress) -> None:
    """Try everything, and end this process."""
    code = 1
    try:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for progress[0], expression in enumerate(expressions):
            pattern = expression.pattern
            longest = min(LENGTH, expression.most or LENGTH)
            for progress[1], (way, attack) in enumerate(_attacks_on(expression)):
                _try(_CALLS[way], pattern, attack, longest, progress)
            signal.setitimer(signal.ITIMER_PROF, 0)
        code = 0
    finally:
        os._exit(code)


def _attacks_on(expression: Expression) -> Iterator[tuple[str, Attack]]:
    """Yield each attack with each way, in an order that is always the same."""
    ways = _longest(expression.ways)
    for attack in Adversary(expression.source, expression.flags).attacks():
        for way in ways:
            yield way, attack


def _longest(ways: Collection[str]) -> list[str]:
    """Return the ways without those that others begin with: all matches, with the first one."""
    left = {*ways}
    if "each" in left:
        left -= {"search", "match"}
    elif "search" in left:
        left.discard("match")
    return sorted(left)


def _try(call: Call, pattern: Any, attack: Attack, longest: int, progress: Progress) -> None:
    """Try longer and longer texts, while the time is long or grows faster than they do."""
    before = _SUSPICIOUS_SECONDS / _GROWTH
    for length in (*(each for each in _LENGTHS if each < longest), longest):
        progress[2] = length
        text = _text_for(pattern, attack, length)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        limit = min(before * _GROWTH, length * _SECONDS_A_CHARACTER)
        seconds = _seconds(call, pattern, text)
        if limit <= seconds and length < longest:
            seconds = min(seconds, _seconds(call, pattern, text))
        if seconds < limit:
            return
        if length == _LENGTHS[0] and _is_linear(call, pattern, attack, seconds):
            return
        before = seconds


def _is_linear(call: Call, pattern: Any, attack: Attack, seconds: float) -> bool:
    """Return whether a quarter of the shortest text takes a quarter of its time."""
    text = _text_for(pattern, attack, _LENGTHS[0] // 4)
    quarter = min(_seconds(call, pattern, text), _seconds(call, pattern, text))
    return seconds < quarter * _FIRST_GROWTH


def _text_for(pattern: Any, attack: Attack, length: int) -> Any:
    """Return a text, or the bytes of one for an expression of bytes."""
    text = attack.text(length)
    if isinstance(pattern.pattern, bytes):
        return text.encode("utf-8", "surrogatepass")
    return text


def _seconds(call: Call, pattern: Any, text: Any) -> float:
    # The clock of the process stands still between two ticks while its timer runs.
    before = time.thread_time()
    call(pattern, text)
    return time.thread_time() - before


_CALLS: dict[str, Call] = {
    "match": lambda pattern, text: pattern.match(text),
    "fullmatch": lambda pattern, text: pattern.fullmatch(text),
    "search": lambda pattern, text: pattern.search(text),
    "each": lambda pattern, text: deque(pattern.finditer(text), maxlen=0),
}

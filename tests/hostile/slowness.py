"""Tries texts on an expression in a child, and says which one takes too much processor time."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import Any

from tests.hostile.adversary import Adversary, Attack
from tests.hostile.expressions import Expression

Call = Callable[[Any, Any], object]

LENGTH = 262_144  # number of characters of a text
SECONDS = 1.0  # of processor time, for each text
_LENGTHS = (4_096, 16_384, 65_536)  # number of characters of texts that come first
_GROWTH = 5.5  # four times the length takes four times the time, or sixteen times it
_FIRST_GROWTH = 4.5  # up to the shortest text: a quarter of it shows at once what grows with it
_SECONDS_A_CHARACTER = 0.000_002  # so many go on however they grew: other work may disturb
_SUSPICIOUS_SECONDS = 0.0001  # for the shortest text: by the square, that is 0.4 for the longest


def too_slow(expression: Expression, attacks: Iterable[Attack] | None = None) -> str:
    """Return the way and the attack on which an expression takes too long, `""` for none."""
    source, target = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(source)
        _attack(expression, attacks, target)
    os.close(target)
    with os.fdopen(source, "rb") as said:
        last = said.read().decode("utf-8", "backslashreplace").rpartition("\n")[2]
    _, status = os.waitpid(child, 0)
    if status == 0:
        return ""
    return last or f"it ended with {status}"


def _attack(expression: Expression, attacks: Iterable[Attack] | None, target: int) -> None:
    """Try everything, and end this process."""
    code = 1
    try:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        pattern = expression.pattern
        length = min(LENGTH, expression.most or LENGTH)
        if attacks is None:
            attacks = Adversary(expression.source, expression.flags).attacks()
        for attack in attacks:
            for way in _longest(expression.ways):
                _try(_CALLS[way], pattern, attack, length, f"{way} {attack}", target)
        code = 0
    finally:
        os._exit(code)


def _longest(ways: Collection[str]) -> list[str]:
    """Return the ways without those that others begin with: all matches, with the first one."""
    left = {*ways}
    if "each" in left:
        left -= {"search", "match"}
    elif "search" in left:
        left.discard("match")
    return sorted(left)


def _try(
    call: Call,
    pattern: Any,
    attack: Attack,
    longest: int,
    name: str,
    target: int,
) -> None:
    """Try longer and longer texts, while the time is long or grows faster than they do."""
    before = _SUSPICIOUS_SECONDS / _GROWTH
    for length in (*(each for each in _LENGTHS if each < longest), longest):
        text = _text_for(pattern, attack, length)
        os.write(target, f"\n{name}, {len(text):,} characters".encode())
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        limit = min(before * _GROWTH, length * _SECONDS_A_CHARACTER)
        seconds = _seconds(call, pattern, text)
        if limit <= seconds and length < longest:
            seconds = min(seconds, _seconds(call, pattern, text))
        signal.setitimer(signal.ITIMER_PROF, 0)
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

"""Exceptions that end a run with one line instead of a traceback."""

from __future__ import annotations


class UserError(Exception):
    """Bad input, or a machine that lacks something: says what was looked for, where, what was found, and what to do.

    The entry points print its text as it is, without a traceback, and exit with `exit_code`.
    """

    exit_code: int = 2


class DivergenceError(UserError):
    """A training can't go on: the text says what was seen, at which iteration, and where the batch is kept.

    Args:
        iteration: the one whose update was seen to be at fault.
        seen: what is wrong with it, as in "discriminator/adversarial was NaN".
    """

    exit_code = 3

    def __init__(self, text: str, *, iteration: int, seen: str) -> None:
        super().__init__(text)
        self.iteration, self.seen = iteration, seen

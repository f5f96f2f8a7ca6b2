"""Exceptions that end a run with one line instead of a traceback."""

from __future__ import annotations


class UserError(Exception):
    """Bad input, or a machine that lacks something: says what was looked for, where, what was found, and what to do.

    The entry points print its text as it is, without a traceback, and exit with `exit_code`.
    """

    exit_code: int = 2


class ImageError(UserError):
    """An image file that can't be used.

    Args:
        fault: its name in an integrity report, with {} for what the file was to be, an image or a mask.
    """

    def __init__(self, text: str, fault: str = "unreadable {}") -> None:
        super().__init__(text)
        self.fault = fault


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

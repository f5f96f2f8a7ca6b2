"""The one exception that means: the user can mend this."""


class UserError(Exception):
    """Bad input: says what was looked for, where, what was found, and what to do next.

    The entry points print its text as it is, without a traceback, and exit with code 2.
    """

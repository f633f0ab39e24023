"""The errors and warnings of creditlab: one base, a short tree.

Catch `CreditlabError` to catch everything that this package raises on purpose. `InputError` and its children mean
that the call or the file was wrong; the command line turns them into one message and exit code 2.
"""

from __future__ import annotations

from collections.abc import Iterable


class CreditlabError(Exception):
    """Base of all errors raised on purpose by creditlab."""


class InputError(CreditlabError, ValueError):
    """The call was wrong: a value, a column, a target or a setting that cannot be used."""


class ColumnError(InputError, KeyError):
    """A named column is absent, or is of a kind that cannot be used there."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0]) if self.args else ""


class DuplicateKeyError(InputError):
    """A key that must be unique is not."""


class UnreadableError(InputError):
    """A file is absent, empty, damaged or of an unknown format."""


class IdentityError(InputError):
    """Raw identity numbers came without a key, or a key that cannot be used."""


class PolicyError(InputError):
    """A column was used for something that the column policy forbids."""


class NotFittedError(CreditlabError, ValueError, AttributeError):
    """A method that needs a fitted object was called before `fit`."""


class FitError(CreditlabError):
    """A fit ended without an answer that may be used."""


class MissingExtraError(CreditlabError, ImportError):
    """An optional package is needed for this call."""

    def __init__(self, package: str, extra: str, need: str) -> None:
        super().__init__(
            f"{need} needs the package '{package}', which is not installed. "
            f"Install it with the extra '{extra}': pip install 'creditlab[{extra}]'."
        )


class MissingProgramError(CreditlabError):
    """A program of the machine, such as a browser, is needed for this call."""


class CreditlabWarning(UserWarning):
    """Base of all warnings raised by creditlab."""


class DataWarning(CreditlabWarning):
    """Imperfect data were handled by a stated rule; the result counts them."""


def message(expected: str, came: str, where: str, fix: str) -> str:
    """The four parts of every error text: what was expected, what came, where, and what to do.

    >>> message("a target of 0 and 1", "the value 2 in 3 rows", "column 'bad'", "Recode it so that 1 is bad.")
    "Expected a target of 0 and 1; got the value 2 in 3 rows (column 'bad'). Recode it so that 1 is bad."
    """
    return f"Expected {expected}; got {came} ({where}). {fix}"


def some(values: Iterable[object], most: int = 3) -> str:
    """The first few values of a list as text, with the number of the rest.

    >>> some(["a", "b", "c", "d"])
    "'a', 'b', 'c' and 1 more"
    """
    listed = list(values)
    text = ", ".join(repr(v) if isinstance(v, str) else str(v) for v in listed[:most])
    return f"{text} and {len(listed) - most} more" if len(listed) > most else text

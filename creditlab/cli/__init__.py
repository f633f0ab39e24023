"""The command line: the only place that prints.

Exit code 0: done. 1: findings that stop the work. 2: a wrong call or unreadable input, with one clear message on
standard error and nothing half-written. Progress bars show on a terminal and not in a pipe.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from creditlab import __version__
from creditlab.cli import collecting, models, studies, tables, testing
from creditlab.cli.shared import WRONG_CALL
from creditlab.errors import CreditlabError, InputError


class Parser(argparse.ArgumentParser):
    """argparse with one line on standard error and exit code 2."""

    def error(self, text: str) -> NoReturn:
        raise InputError(f"{text}. See: {self.prog} --help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    _utf8()
    try:
        options = _parser().parse_args(arguments)
        return int(options.run(options))
    except NotImplementedError as error:
        return _fail(str(error))
    except CreditlabError as error:
        return _fail(str(error))
    except (MemoryError, OSError) as error:
        return _fail(f"{type(error).__name__}: {error}")


def _fail(text: str) -> int:
    print(f"creditlab: {' '.join(text.split())}", file=sys.stderr)
    return WRONG_CALL


def _utf8() -> None:
    """Chinese text on any console: where the console cannot show a character it shows '?', never an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _parser() -> Parser:
    parser = Parser(prog="creditlab", description="Village-level credit risk for rural banks 村级信用风险")
    parser.add_argument("--version", action="version", version=f"creditlab {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    for add in (
        tables.add_world,
        tables.add_check,
        tables.add_dictionary,
        collecting.add_coverage,
        tables.add_crosswalk,
        tables.add_reveal,
        studies.add_study,
        studies.add_loans,
        studies.add_scorecard,
        models.add_score,
        testing.add_validate,
        testing.add_monitor,
        testing.add_diff,
        testing.add_recheck,
        models.add_letter,
        models.add_sql,
    ):
        add(verbs)
    return parser

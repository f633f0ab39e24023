"""What the verbs share: exit codes, the words of an option, a county from its folder, a progress bar."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

DONE, STOPPED, WRONG_CALL = 0, 1, 2


def new_verb(
    verbs: Any, name: str, help_text: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """A verb under its name, with the function that runs it."""
    verb = verbs.add_parser(name, help=help_text, description=help_text)
    verb.set_defaults(run=run)
    return verb


def county_of(options: argparse.Namespace) -> Any:
    """The county of the folder that was named, read with the key where one was given."""
    from creditlab.data import read_county, read_key

    key = read_key(options.id_key) if options.id_key else None
    return read_county(options.folder, id_key=key, links=options.links)


def add_folder(verb: argparse.ArgumentParser) -> None:
    """What a county's folder is read with."""
    verb.add_argument("folder")
    verb.add_argument("--id-key", help="file that holds the key of the pseudonyms")
    verb.add_argument("--links", metavar="FILE", help="doubtful.csv of `creditlab check`, with decisions 人工判定")


def given_of(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """The options that were given, by name."""
    return {name: getattr(options, name) for name in names if getattr(options, name, None) is not None}


class Bar:
    """A progress bar of steps on a terminal, nothing in a pipe."""

    def __init__(self, steps: int) -> None:
        from tqdm import tqdm

        self._bar = tqdm(total=steps, disable=None, file=sys.stderr, bar_format="{l_bar}{bar}| {n}/{total} {elapsed}")
        self._begun = False

    def __enter__(self) -> Callable[[str, str], None]:
        return self._step

    def _step(self, zh: str, en: str) -> None:
        if self._begun:
            self._bar.update(1)
        self._begun = True
        self._bar.set_description(f"{en} {zh}")

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self._bar.update(1)
        self._bar.close()

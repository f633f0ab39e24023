"""The verb of collecting: who has been reached by which source, and where to go next."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from creditlab.cli.shared import DONE, Bar, add_folder, county_of, given_of, new_verb
from creditlab.errors import InputError, message


def add_coverage(verbs: Any) -> None:
    about = "who has been reached, why not, and what to collect next 采集覆盖与采集台账"
    verb = new_verb(verbs, "coverage", about, _coverage)
    add_folder(verb)
    verb.add_argument("--as-of", help="the day of the coverage; default: the end of the book")
    verb.add_argument(
        "--cost",
        action="append",
        default=[],
        metavar="WHAT=N",
        help="cost of an action (not_authorised, not_connected, not_collected, stale; default 1) or of a record",
    )
    verb.add_argument("--seed", type=int)
    verb.add_argument("--out", required=True, help="folder for the lists as CSV and Parquet")


def _coverage(options: argparse.Namespace) -> int:
    from creditlab.config import StudyConfig
    from creditlab.files import whole_folder
    from creditlab.study.collecting import collect
    from creditlab.study.outcome import write_table

    costs = _costs(options.cost)
    county = county_of(options)
    config = StudyConfig(**given_of(options, ("seed",)))
    with Bar(4) as step:
        found = collect(county, config, as_of=options.as_of, costs=costs, progress=step)
    _print(found)
    with whole_folder(options.out) as folder:
        for name, frame in found.tables().items():
            write_table(folder, name, frame)
    print(f"\nlists written to {options.out} 清单已写出: {', '.join(found.tables())}")
    return DONE


def _costs(given: Sequence[str]) -> dict[str, float]:
    """'not_collected=3' as {'not_collected': 3.0}."""
    costs: dict[str, float] = {}
    for text in given:
        what, equals, number = text.partition("=")
        try:
            costs[what] = float(number)
        except ValueError:
            equals = ""
        if not equals or not what:
            raise InputError(message("WHAT=NUMBER", repr(text), "--cost", "For example --cost not_collected=3."))
    return costs


def _print(found: Any) -> None:
    covered, facts = found.coverage, found.coverage.facts
    print(
        f"Coverage at {facts['as_of']} 采集覆盖: {facts['reached_by_any']:,} of {facts['households']:,} households"
        f" ({facts['share_reached']:.1%}); never reached 从未采集: {facts['never_reached']:,}"
    )
    columns = ["source", "share", "resident_share", "fresh_share", "median_age_days", "reached", "zero"]
    columns += ["not_authorised", "not_connected", "not_collected", "not_applicable"]
    print(covered.sources()[columns].to_string(index=False, float_format="%.3f", na_rep=""))
    if found.ledger is None:
        print(f"\nno ledger 无采集台账: {found.reason}")
        return
    print("\nWhat to collect next, by gain (nats of log-loss) per unit of cost 下一步采集什么")
    table = found.ledger.sources()
    shown = ["source", "reason", "households", "cost", "gain", "gain_lo", "gain_hi", "gain_per_cost", "auc_gain",
             "auc_gain_lo", "auc_gain_hi"]  # fmt: skip
    print(table[[c for c in shown if c in table]].to_string(index=False, float_format="%.4f", na_rep=""))
    print("\nWhere to go first 先去哪里")
    visits = ["rank", "village_id", "source", "reason", "households", "gain", "gain_lo", "gain_hi", "gain_per_cost"]
    print(found.ledger.villages()[visits].head(10).to_string(index=False, float_format="%.4f", na_rep=""))

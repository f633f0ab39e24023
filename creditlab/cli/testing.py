"""The verbs that test: validate, monitor, compare two reports, compute one again."""

from __future__ import annotations

import argparse
from typing import Any

from creditlab.cli.shared import DONE, STOPPED, given_of, new_verb


def add_validate(verbs: Any) -> None:
    verb = new_verb(verbs, "validate", "tests of a model, or of a score made elsewhere, on a table 验证", _validate)
    verb.add_argument("files", nargs="+", metavar="[MODEL.json …] TABLE", help="the champion first, then challengers")
    verb.add_argument("--pd", help="column of PDs of a model built elsewhere")
    verb.add_argument("--score", help="column of scores (higher = safer) of a model built elsewhere")
    verb.add_argument("--target", required=True)
    verb.add_argument("--split", help="column of samples: train, test, oot, …")
    verb.add_argument("--reference", help="an earlier report.json: its bins, owners and statuses are kept")
    _add_roles(verb)


def _add_roles(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--group", help="column of villages")
    verb.add_argument("--date", help="column of dates")
    verb.add_argument("--amount", help="column of balances")
    for name, what in (
        ("challenger", "column of a challenger's PDs"),
        ("segment", "column to give O/E by"),
        ("protected", "attribute that the model does not use, for fairness"),
    ):
        verb.add_argument(f"--{name}", action="append", default=[], metavar="C", help=f"{what}; may be repeated")
    verb.add_argument("--period", choices=("year", "quarter", "month"), help="figures by period of the date")
    verb.add_argument("--spec", help="TOML file with the bank's own thresholds and levels")
    verb.add_argument("--out", required=True)
    verb.add_argument("--lang", choices=("zh", "en"), default="zh")
    verb.add_argument(
        "--also", action="append", default=[], choices=("xlsx", "docx"), help="the report in this form too, beside it"
    )


def _roles(options: argparse.Namespace) -> dict[str, Any]:
    named = given_of(
        options, ("group", "date", "period", "amount", "split", "pd", "score", "spec", "lang", "reference")
    )
    lists = {"challengers": options.challenger, "segments": options.segment, "protected": options.protected}
    return {**named, "also": tuple(options.also), **{name: tuple(found) for name, found in lists.items() if found}}


def _validate(options: argparse.Namespace) -> int:
    from creditlab.study import validation_report

    *models, table = options.files
    result = validation_report(table, options.out, target=options.target, model=models or None, **_roles(options))
    print_tests(result.tidy())
    print(f"\nreport 报告: {options.out}")
    return DONE


def print_tests(tests: Any) -> None:
    shown = tests[["id", "scope", "n", "estimate", "lo", "hi", "p_value", "verdict"]]
    print(shown.to_string(index=False, float_format="%.4f", na_rep=""))


def add_monitor(verbs: Any) -> None:
    verb = new_verb(verbs, "monitor", "a new batch against an earlier report: charts, alerts, changes 监测", _monitor)
    verb.add_argument("earlier", metavar="EARLIER/report.json")
    verb.add_argument("table", help="Parquet, CSV or Excel with the new outcomes")
    verb.add_argument("--model", action="append", default=[], help="model.json, where the earlier report had one")
    verb.add_argument("--spread", type=float, default=0.0, help="usual standard deviation of village effects, log-odds")
    _add_roles(verb)


def _monitor(options: argparse.Namespace) -> int:
    from creditlab.study import monitoring_report

    given = _roles(options)
    result, diff = monitoring_report(
        options.earlier, options.table, options.out, model=options.model or None, spread=options.spread, **given
    )
    print_tests(result.section("monitoring"))
    _print_changes(diff)
    print(f"\nreport 报告: {options.out}")
    return DONE


def _print_changes(diff: Any) -> None:
    counts = "; ".join(f"{name} {value}" for name, value in diff.facts.items())
    print(f"\nChanges 变化: {counts}")
    table = diff.changes()
    if len(table):
        columns = ["state", "id", "scope", "estimate_old", "estimate_new", "verdict_old", "verdict_new"]
        print(table[columns].to_string(index=False, float_format="%.4f", na_rep=""))


def add_diff(verbs: Any) -> None:
    verb = new_verb(verbs, "diff", "what changed between two reports 报告对比", _diff)
    verb.add_argument("old", metavar="OLD/report.json")
    verb.add_argument("new", metavar="NEW/report.json")


def _diff(options: argparse.Namespace) -> int:
    from creditlab.study import report_diff

    tests, others = report_diff(options.old, options.new)
    if tests is not None:
        _print_changes(tests)
    print(f"\nOther parts 其他部分: {len(others)} changed 处变化")
    if len(others):
        print(others.to_string(index=False, float_format="%.4g", na_rep=""))
    return DONE


def add_recheck(verbs: Any) -> None:
    verb = new_verb(verbs, "recheck", "every figure of a report computed again by a second path 复算", _recheck)
    verb.add_argument("report", metavar="report.json")
    verb.add_argument("data", help="the table, or the folder of a county, that the report was made from")
    verb.add_argument("--model", action="append", default=[], help="model.json, where the report was made with one")
    verb.add_argument("--out", help="CSV file with every figure, its second value and the difference")


def _recheck(options: argparse.Namespace) -> int:
    from creditlab.study import recheck_report

    result = recheck_report(options.report, options.data, model=options.model or None)
    if options.out:
        result.write(options.out)
    facts = result.facts
    print(f"{facts['figures']} figures 数字: {facts['equal']} equal 一致, {facts['different']} different 不一致,")
    print(f"{facts['unchecked']} not rechecked 未复算")
    print(f"\nby section 按章节\n{result.sections().to_string(index=False)}")
    for name, table in (("different 不一致", result.differences()), ("not rechecked 未复算", result.unchecked())):
        if len(table):
            print(f"\n{name}\n{table.to_string(index=False, na_rep='', max_colwidth=90)}")
    return STOPPED if facts["different"] else DONE

"""The verbs that study: a county, its loan book, one flat table."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from creditlab.cli.shared import DONE, Bar, add_folder, county_of, given_of, new_verb
from creditlab.errors import InputError, message


def add_study(verbs: Any) -> None:
    verb = new_verb(verbs, "study", "study a county: from tables to villages 县域研究", _study)
    add_folder(verb)
    verb.add_argument("--out", required=True)
    verb.add_argument("--as-of", help="last observation date, such as 2023-12-31")
    verb.add_argument("--config", help="TOML file with the study's settings")
    verb.add_argument("--engine", choices=("memory", "duckdb", "dask"), default="memory")
    add_common(verb)


def add_common(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--seed", type=int)
    verb.add_argument("--lang", choices=("zh", "en"), help="language shown first in the report")
    verb.add_argument("--edition", choices=("internal", "external"))
    verb.add_argument(
        "--also", action="append", default=[], choices=("xlsx", "docx"), help="the report in this form too"
    )


def _study(options: argparse.Namespace) -> int:
    from creditlab.config import StudyConfig
    from creditlab.study import run_study

    if options.engine != "memory":
        raise NotImplementedError(f"the engine '{options.engine}' is not built yet: use --engine memory")
    settings = StudyConfig.from_toml(options.config).to_dict() if options.config else {}
    config = StudyConfig(**settings | given_of(options, ("as_of", "seed", "lang", "edition")))
    county = county_of(options)
    with Bar(12) as step:
        study = run_study(county, config, name=Path(options.folder).resolve().name, progress=step)
        step("写出报告", "write the report")
        report = study.write(options.out, also=options.also)
    print_reconciliation(study.reconciliation)
    print_villages(study, 5)
    print(f"\nreport 报告: {report}")
    return DONE


def print_reconciliation(reconciliation: Any) -> None:
    print("\nReconciliation of the book to the bank's control totals 台账与总账核对")
    if reconciliation is None:
        print("  no control_totals: not reconciled 没有总账数据，未核对")
        return
    for name, value in reconciliation.facts.items():
        print(f"  {name}: {value:,}" if isinstance(value, int | float) else f"  {name}: {value}")
    differences = reconciliation.differences()
    if len(differences):
        print(differences.to_string(index=False))


def add_loans(verbs: Any) -> None:
    verb = new_verb(verbs, "loans", "the loan book: from the ledger to the recoveries 信贷台账报告", _loans)
    add_folder(verb)
    verb.add_argument("--out", required=True)
    verb.add_argument("--as-of", help="last observation date of the sample, such as 2023-12-31")
    add_common(verb)


def _loans(options: argparse.Namespace) -> int:
    from creditlab.study.loan_book import PARTS, loan_study

    given = given_of(options, ("as_of", "seed", "lang", "edition"))
    county = county_of(options)
    with Bar(len(PARTS) + 1) as step:
        study = loan_study(county, name=Path(options.folder).resolve().name, progress=step, **given)
        step("写出报告", "write the report")
        report = study.write(options.out, also=options.also)
    print_reconciliation(study.parts.get("reconciliation"))
    _print_loans(study)
    print(f"\nreport 报告: {report}")
    return DONE


def _print_loans(study: Any) -> None:
    if "ratios" in study.parts:
        print(f"\nNPL ratios at {study['ratios'].facts['month_end']} 期末不良率")
        print(study["ratios"].side_by_side().to_string(index=False, float_format="%.4f"))
    if "definition" in study.parts:
        lab = study["definition"]
        print(f"\nDefinition of bad 坏的定义: {lab.choice.label('en')} {lab.choice.label('zh')}")
    for part, reason in study.absent.items():
        print(f"absent 没有: {part}: {reason}")


def print_villages(study: Any, count: int) -> None:
    top, level = study.villages.head(count), study.config.level
    print(
        f"\nThe {len(top)} {study.unit[1]}s that need attention most 最需关注的{len(top)}个{study.unit[0]}"
        f" (shrunken O/E with {level:.0%} interval 收缩后O/E与区间)"
    )
    for place, row in enumerate(top.itertuples(), start=1):
        name = getattr(row, "name", None)
        label = f"{row.village} {name}" if isinstance(name, str) else row.village
        print(
            f"  {place}. {label}: O/E {row.estimate:.2f} ({row.lo:.2f}–{row.hi:.2f}); {row.bad} bad of {row.n},"
            f" expected {row.expected:.1f}; P(top {study.panel.facts['top']}) {row.p_top:.0%}"
        )
    if study.panel.warning:
        print(f"  {study.panel.warning}")


def add_scorecard(verbs: Any) -> None:
    verb = new_verb(
        verbs, "scorecard", "scorecard, challenger and group study of one flat table 单表评分卡", _scorecard
    )
    verb.add_argument("table", help="Parquet, CSV or Excel")
    verb.add_argument("--target", required=True, help="column with 1 = bad, 0 = good")
    verb.add_argument("--group", help="column of villages, branches or other small units")
    verb.add_argument("--date", help="column of dates: the latest part is held out as out-of-time")
    verb.add_argument("--id", help="column that names each row once; written beside the scores")
    verb.add_argument("--weight", help="column of weights")
    verb.add_argument("--drop", action="append", default=[], metavar="C", help="column to leave out; may be repeated")
    verb.add_argument(
        "--dictionary", metavar="FILE", help="classes, labels and directions of the columns: TOML, CSV or Excel"
    )
    verb.add_argument("--audit", action="append", default=[], metavar="C", help="column for group tests only")
    verb.add_argument(
        "--special",
        action="append",
        default=[],
        metavar="C=-9,-8",
        help="codes that are no quantities, by column or '*' for all numeric columns",
    )
    verb.add_argument("--out", required=True)
    add_common(verb)


def _scorecard(options: argparse.Namespace) -> int:
    from creditlab.config import StudyConfig
    from creditlab.data import read_table
    from creditlab.study import run_study
    from creditlab.study.declared import read_dictionary

    given = given_of(options, ("target", "group", "date", "id", "weight", "seed", "lang", "edition"))
    config = StudyConfig(
        **given,
        drop=tuple(options.drop),
        audit=tuple(options.audit),
        special=_specials(options.special),
        columns=read_dictionary(options.dictionary) if options.dictionary else {},
    )
    frame = read_table(options.table)
    with Bar(6) as step:
        study = run_study(frame, config, name=Path(options.table).stem, progress=step)
        step("写出报告", "write the report")
        report = study.write(options.out, also=options.also)
    _print_validation(study)
    if len(study.villages):
        print_villages(study, 5)
    print(f"\nreport 报告: {report}")
    return DONE


def _print_validation(study: Any) -> None:
    print("\nDiscrimination by split 各样本区分能力")
    tests = study.validation.tidy()
    shown = tests[tests["id"].isin(["disc.auc", "disc.ks"]) & (tests["split"] != "")]
    print(shown[["id", "model", "split", "n", "estimate", "lo", "hi"]].to_string(index=False, float_format="%.4f"))


def _specials(given: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """'C=-9,-8' as {'C': (-9, -8)}; a code that is no number stays text."""
    special: dict[str, tuple[Any, ...]] = {}
    for text in given:
        column, equals, codes = text.partition("=")
        if not equals or not column or not codes:
            raise InputError(message("COLUMN=CODE,CODE", repr(text), "--special", "For example --special '*=-9,-8'."))
        special[column] = (*special.get(column, ()), *(_code(code.strip()) for code in codes.split(",")))
    return special


def _code(text: str) -> Any:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number

"""The command line: the only place that prints.

Exit code 0: done. 1: findings that stop the work. 2: a wrong call or unreadable input, with one clear message on
standard error and nothing half-written. Progress bars show on a terminal and not in a pipe.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from creditlab import __version__
from creditlab.errors import CreditlabError, InputError, message

DONE, STOPPED, WRONG_CALL = 0, 1, 2


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
        _add_world,
        _add_check,
        _add_dictionary,
        _add_crosswalk,
        _add_reveal,
        _add_study,
        _add_loans,
        _add_scorecard,
        _add_score,
        _add_validate,
        _add_monitor,
        _add_diff,
        _add_recheck,
        _add_letter,
        _add_sql,
    ):
        add(verbs)
    return parser


def _verb(verbs: Any, name: str, help_text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=help_text, description=help_text)
    verb.set_defaults(run=run)
    return verb


# --- world ---------------------------------------------------------------------------------------------------------


def _add_world(verbs: Any) -> None:
    verb = _verb(verbs, "world", "write a sample county with its known truth 生成带真值的样例县", _world)
    verb.add_argument("--villages", type=int, default=120)
    verb.add_argument("--seed", type=int, default=7)
    verb.add_argument("--out", required=True)


def _world(options: argparse.Namespace) -> int:
    from creditlab.data import make_county, write_county

    world = make_county(villages=options.villages, seed=options.seed)
    write_county(world, options.out)
    print(f"{len(world.tables)} tables, {len(world.tables['households'])} households in {options.villages} villages")
    print(f"digest of contents {world.digest()}")
    print(f"written to {options.out}")
    return DONE


# --- check ---------------------------------------------------------------------------------------------------------


def _add_check(verbs: Any) -> None:
    verb = _verb(verbs, "check", "contracts, coverage and conflicts of a county's tables 检查数据", _check)
    verb.add_argument("folder")
    verb.add_argument("--id-key", help="file that holds the key of the pseudonyms")
    verb.add_argument("--as-of", help="date of coverage and conflicts; default: the end of the book")
    verb.add_argument("--out", help="folder for the lists as CSV: findings, links, addresses, conflicts, agreement")


def _check(options: argparse.Namespace) -> int:
    county = _county(options)
    findings = county.check()
    print(f"tables read: {len(county.tables)}; not there: {', '.join(county.missing) or 'none'}")
    print(findings.to_string(index=False) if len(findings) else "no findings 无问题")
    for name, listed in (("rows without a number", county.links), ("addresses", county.addresses)):
        if len(listed):
            print(f"\n{name} to look at 待人工核对:" if name == "addresses" else f"\n{name} 无证件号的行:")
            by = [c for c in ("file", "outcome", "how") if c in listed]
            print(listed.groupby(by).size().rename("rows").reset_index().to_string(index=False))
    as_of = options.as_of or str(
        (county.last_month() if "loan_months" in county.tables else county.last_known()).date()
    )
    print(f"\ncoverage at {as_of}: {len(county.coverage(as_of))} cells of village × source × port")
    check = county.cross_check(as_of)
    conflicts = check.conflicts()
    print(f"conflicts at {as_of}: {len(conflicts)} pairs of statements, resolved {conflicts['rule'].iloc[0]}"
          if len(conflicts) else f"conflicts at {as_of}: none")  # fmt: skip
    if len(check.reliability):
        print("\nreliability of the sources, estimated from their agreement 来源可靠度:")
        print(check.reliability.to_string(index=False, float_format="%.4f", na_rep=""))
    if options.out:
        _write_lists(county, check, findings, options.out)
    return STOPPED if (findings["severity"] == "stop").any() else DONE


def _write_lists(county: Any, check: Any, findings: Any, out: str) -> None:
    from creditlab.files import whole_folder
    from creditlab.study.outcome import harmless

    lists = {
        "findings": findings,
        "links": county.links,
        "doubtful": county.doubtful,
        "addresses": county.addresses,
        "facts": check.tidy(),
        "conflicts": check.conflicts(),
        "agreement": check.agreement,
        "reliability": check.reliability,
    }
    with whole_folder(out) as folder:
        for name, frame in lists.items():
            harmless(frame).to_csv(folder / f"{name}.csv", index=False, encoding="utf-8-sig", lineterminator="\n")
    print(f"\nlists written to {out} 清单已写出")


def _add_dictionary(verbs: Any) -> None:
    verb = _verb(verbs, "dictionary", "the data dictionary of all tables 数据字典", _dictionary)
    verb.add_argument("--out", help="Markdown file; default: standard output")


def _dictionary(options: argparse.Namespace) -> int:
    from creditlab.data.dictionary import dictionary_page
    from creditlab.files import write_text

    if options.out:
        write_text(options.out, dictionary_page())
    print(f"written to {options.out}" if options.out else dictionary_page())
    return DONE


# --- customer numbers ----------------------------------------------------------------------------------------------


def _add_crosswalk(verbs: Any) -> None:
    verb = _verb(verbs, "crosswalk", "pseudonyms beside customer numbers, from the ledger 假名对照表", _crosswalk)
    verb.add_argument("ledger", help="table with identity number 身份证号 and customer number 客户号")
    verb.add_argument("--id-key", required=True, help="file that holds the key of the pseudonyms")
    verb.add_argument("--out", required=True, help="CSV file, to be kept apart from data and reports")


def _crosswalk(options: argparse.Namespace) -> int:
    from creditlab.data import make_crosswalk, read_key

    count = make_crosswalk(options.ledger, options.out, read_key(options.id_key))
    print(f"{count} customers written to {options.out} 已写出")
    return DONE


def _add_reveal(verbs: Any) -> None:
    verb = _verb(verbs, "reveal", "customer numbers onto a contact list, with an access log 名单还原客户号", _reveal)
    verb.add_argument("list", help="CSV, Parquet or Excel with a column of pseudonyms")
    verb.add_argument("--crosswalk", required=True, help="file that `creditlab crosswalk` wrote")
    verb.add_argument("--out", required=True, help="CSV file")
    verb.add_argument("--log", help="access log; default: beside the crosswalk, ending in .access.jsonl")
    verb.add_argument("--reason", default="", help="why; kept in the log")


def _reveal(options: argparse.Namespace) -> int:
    from creditlab.data import reveal

    entry = reveal(options.list, options.crosswalk, options.out, options.log, options.reason).iloc[0]
    print(f"{entry['revealed']} of {entry['rows']} rows with their customer number 已还原: {options.out}")
    return DONE


# --- study ---------------------------------------------------------------------------------------------------------


def _add_study(verbs: Any) -> None:
    verb = _verb(verbs, "study", "study a county: from tables to villages 县域研究", _study)
    verb.add_argument("folder")
    verb.add_argument("--out", required=True)
    verb.add_argument("--id-key", help="file that holds the key of the pseudonyms")
    verb.add_argument("--as-of", help="last observation date, such as 2023-12-31")
    verb.add_argument("--config", help="TOML file with the study's settings")
    verb.add_argument("--engine", choices=("memory", "duckdb", "dask"), default="memory")
    _add_common(verb)


def _add_common(verb: argparse.ArgumentParser) -> None:
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
    config = StudyConfig(**settings | _given(options, ("as_of", "seed", "lang", "edition")))
    county = _county(options)
    with _bar(12) as step:
        study = run_study(county, config, name=Path(options.folder).resolve().name, progress=step)
        step("写出报告", "write the report")
        report = study.write(options.out, also=options.also)
    _print_reconciliation(study.reconciliation)
    _print_villages(study, 5)
    print(f"\nreport 报告: {report}")
    return DONE


def _print_reconciliation(reconciliation: Any) -> None:
    print("\nReconciliation of the book to the bank's control totals 台账与总账核对")
    if reconciliation is None:
        print("  no control_totals: not reconciled 没有总账数据，未核对")
        return
    for name, value in reconciliation.facts.items():
        print(f"  {name}: {value:,}" if isinstance(value, int | float) else f"  {name}: {value}")
    differences = reconciliation.differences()
    if len(differences):
        print(differences.to_string(index=False))


def _add_loans(verbs: Any) -> None:
    verb = _verb(verbs, "loans", "the loan book: from the ledger to the recoveries 信贷台账报告", _loans)
    verb.add_argument("folder")
    verb.add_argument("--out", required=True)
    verb.add_argument("--id-key", help="file that holds the key of the pseudonyms")
    verb.add_argument("--as-of", help="last observation date of the sample, such as 2023-12-31")
    _add_common(verb)


def _loans(options: argparse.Namespace) -> int:
    from creditlab.study.loan_book import PARTS, loan_study

    given = _given(options, ("as_of", "seed", "lang", "edition"))
    county = _county(options)
    with _bar(len(PARTS) + 1) as step:
        study = loan_study(county, name=Path(options.folder).resolve().name, progress=step, **given)
        step("写出报告", "write the report")
        report = study.write(options.out, also=options.also)
    _print_reconciliation(study.parts.get("reconciliation"))
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


def _print_villages(study: Any, count: int) -> None:
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


# --- scorecard -----------------------------------------------------------------------------------------------------


def _add_scorecard(verbs: Any) -> None:
    verb = _verb(verbs, "scorecard", "scorecard, challenger and group study of one flat table 单表评分卡", _scorecard)
    verb.add_argument("table", help="Parquet, CSV or Excel")
    verb.add_argument("--target", required=True, help="column with 1 = bad, 0 = good")
    verb.add_argument("--group", help="column of villages, branches or other small units")
    verb.add_argument("--date", help="column of dates: the latest part is held out as out-of-time")
    verb.add_argument("--id", help="column that names each row once; written beside the scores")
    verb.add_argument("--weight", help="column of weights")
    verb.add_argument("--drop", action="append", default=[], metavar="C", help="column to leave out; may be repeated")
    verb.add_argument("--audit", action="append", default=[], metavar="C", help="column for group tests only")
    verb.add_argument(
        "--special",
        action="append",
        default=[],
        metavar="C=-9,-8",
        help="codes that are no quantities, by column or '*' for all numeric columns",
    )
    verb.add_argument("--out", required=True)
    _add_common(verb)


def _scorecard(options: argparse.Namespace) -> int:
    from creditlab.config import StudyConfig
    from creditlab.data import read_table
    from creditlab.study import run_study

    given = _given(options, ("target", "group", "date", "id", "weight", "seed", "lang", "edition"))
    config = StudyConfig(
        **given, drop=tuple(options.drop), audit=tuple(options.audit), special=_specials(options.special)
    )
    frame = read_table(options.table)
    with _bar(6) as step:
        study = run_study(frame, config, name=Path(options.table).stem, progress=step)
        step("写出报告", "write the report")
        report = study.write(options.out, also=options.also)
    _print_validation(study)
    if len(study.villages):
        _print_villages(study, 5)
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


# --- score and validate --------------------------------------------------------------------------------------------


def _add_score(verbs: Any) -> None:
    verb = _verb(verbs, "score", "points, PD and reasons per row 评分", _score)
    verb.add_argument("model", help="model.json of a study")
    verb.add_argument("table", help="Parquet, CSV or Excel")
    verb.add_argument("--out", required=True, help="Parquet or CSV file")
    verb.add_argument("--lang", choices=("zh", "en"), default="zh")


def _score(options: argparse.Namespace) -> int:
    from creditlab.data import read_table
    from creditlab.study import load, score_table, write_scores

    scores = score_table(load(options.model), read_table(options.table), lang=options.lang)
    write_scores(scores, options.out)
    print(f"{len(scores)} rows scored 已评分: {options.out}")
    return DONE


def _add_validate(verbs: Any) -> None:
    verb = _verb(verbs, "validate", "tests of a model, or of a score made elsewhere, on a table 验证", _validate)
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


def _roles(options: argparse.Namespace) -> dict[str, Any]:
    named = _given(options, ("group", "date", "period", "amount", "split", "pd", "score", "spec", "lang", "reference"))
    lists = {"challengers": options.challenger, "segments": options.segment, "protected": options.protected}
    return {**named, **{name: tuple(found) for name, found in lists.items() if found}}


def _validate(options: argparse.Namespace) -> int:
    from creditlab.study import validation_report

    *models, table = options.files
    result = validation_report(table, options.out, target=options.target, model=models or None, **_roles(options))
    _print_tests(result.tidy())
    print(f"\nreport 报告: {options.out}")
    return DONE


def _print_tests(tests: Any) -> None:
    shown = tests[["id", "scope", "n", "estimate", "lo", "hi", "p_value", "verdict"]]
    print(shown.to_string(index=False, float_format="%.4f", na_rep=""))


def _add_monitor(verbs: Any) -> None:
    verb = _verb(verbs, "monitor", "a new batch against an earlier report: charts, alerts, changes 监测", _monitor)
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
    _print_tests(result.section("monitoring"))
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


def _add_diff(verbs: Any) -> None:
    verb = _verb(verbs, "diff", "what changed between two reports 报告对比", _diff)
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


def _add_recheck(verbs: Any) -> None:
    verb = _verb(verbs, "recheck", "every figure of a report computed again by a second path 复算", _recheck)
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
    for name, table in (("different 不一致", result.differences()), ("not rechecked 未复算", result.unchecked())):
        if len(table):
            print(f"\n{name}\n{table.to_string(index=False, na_rep='', max_colwidth=90)}")
    return STOPPED if facts["different"] else DONE


# --- letter --------------------------------------------------------------------------------------------------------


def _add_letter(verbs: Any) -> None:
    verb = _verb(verbs, "letter", "explain one decision to its household, on two pages 决定说明信", _letter)
    verb.add_argument("model", help="model.json of a scorecard")
    verb.add_argument("table", help="Parquet, CSV or Excel")
    verb.add_argument("--id", required=True, help="column of the pseudonyms")
    verb.add_argument("--household", required=True, help="pseudonym of the household")
    verb.add_argument("--cutoff", type=float, required=True, help="points to reach")
    verb.add_argument("--contact", required=True, help="TOML file: bank, office, phone, address, hours, days")
    verb.add_argument("--decided-on", required=True)
    verb.add_argument("--decision", choices=("approved", "declined", "referred"), help="default: by the cut-off")
    verb.add_argument("--by-person", action="store_true", help="a person decided, not the system alone")
    verb.add_argument("--out", required=True, help="HTML file")
    verb.add_argument("--lang", choices=("zh", "en"), default="zh")


def _letter(options: argparse.Namespace) -> int:
    from creditlab.study import letter_of_table

    letter = letter_of_table(
        options.model,
        options.table,
        id=options.id,
        household=options.household,
        contact=options.contact,
        cutoff=options.cutoff,
        decided_on=options.decided_on,
        decision=options.decision,
        automated=not options.by_person,
    )
    letter.to_html(options.out, options.lang)
    print(f"letter 说明信: {options.out}")
    return DONE


# --- sql -----------------------------------------------------------------------------------------------------------


def _add_sql(verbs: Any) -> None:
    verb = _verb(verbs, "sql", "a scorecard as one SQL statement 评分卡转 SQL", _sql)
    verb.add_argument("model", help="model.json of a study")
    verb.add_argument("--dialect", default="duckdb", help="duckdb, postgres, mysql, oracle, sqlserver, sqlite, hive")
    verb.add_argument("--table", default="t")
    verb.add_argument("--keep", action="append", default=[], metavar="C", help="column given beside the points")
    verb.add_argument("--parts", action="store_true", help="the points of each characteristic too")
    verb.add_argument("--out", help="file; default: standard output")


def _sql(options: argparse.Namespace) -> int:
    from creditlab.files import write_text
    from creditlab.study import load, model_sql

    text = model_sql(load(options.model), options.dialect, table=options.table, keep=options.keep, parts=options.parts)
    if options.out:
        write_text(options.out, text + "\n")
    print(f"written to {options.out}" if options.out else text)
    return DONE


# --- shared --------------------------------------------------------------------------------------------------------


def _county(options: argparse.Namespace) -> Any:
    from creditlab.data import read_county, read_key

    return read_county(options.folder, id_key=read_key(options.id_key) if options.id_key else None)


def _given(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names if getattr(options, name, None) is not None}


class _bar:
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

"""The verbs that use a fitted model: score, explain a decision, write it as SQL."""

from __future__ import annotations

import argparse
from typing import Any

from creditlab.cli.shared import DONE, new_verb


def add_score(verbs: Any) -> None:
    verb = new_verb(verbs, "score", "points, PD and reasons per row 评分", _score)
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


def add_letter(verbs: Any) -> None:
    verb = new_verb(verbs, "letter", "explain one decision to its household, on two pages 决定说明信", _letter)
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


def add_sql(verbs: Any) -> None:
    verb = new_verb(verbs, "sql", "a scorecard as one SQL statement 评分卡转 SQL", _sql)
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

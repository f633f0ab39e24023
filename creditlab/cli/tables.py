"""The verbs of tables: make, check, describe them; put customer numbers back."""

from __future__ import annotations

import argparse
from typing import Any

from creditlab.cli.shared import DONE, STOPPED, add_folder, county_of, new_verb


def add_world(verbs: Any) -> None:
    verb = new_verb(verbs, "world", "write a sample county with its known truth 生成带真值的样例县", _world)
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


def add_check(verbs: Any) -> None:
    verb = new_verb(verbs, "check", "contracts, coverage and conflicts of a county's tables 检查数据", _check)
    add_folder(verb)
    verb.add_argument("--as-of", help="date of coverage and conflicts; default: the end of the book")
    verb.add_argument(
        "--out", help="folder for the lists as CSV: findings, links, doubtful links, addresses, conflicts, …"
    )


def _check(options: argparse.Namespace) -> int:
    county = county_of(options)
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


def add_dictionary(verbs: Any) -> None:
    verb = new_verb(verbs, "dictionary", "the data dictionary of all tables 数据字典", _dictionary)
    verb.add_argument("--out", help="Markdown file; default: standard output")


def _dictionary(options: argparse.Namespace) -> int:
    from creditlab.data.dictionary import dictionary_page
    from creditlab.files import write_text

    if options.out:
        write_text(options.out, dictionary_page())
    print(f"written to {options.out}" if options.out else dictionary_page())
    return DONE


def add_crosswalk(verbs: Any) -> None:
    verb = new_verb(verbs, "crosswalk", "pseudonyms beside customer numbers, from the ledger 假名对照表", _crosswalk)
    verb.add_argument("ledger", help="table with identity number 身份证号 and customer number 客户号")
    verb.add_argument("--id-key", required=True, help="file that holds the key of the pseudonyms")
    verb.add_argument("--out", required=True, help="CSV file, to be kept apart from data and reports")


def _crosswalk(options: argparse.Namespace) -> int:
    from creditlab.data import make_crosswalk, read_key

    count = make_crosswalk(options.ledger, options.out, read_key(options.id_key))
    print(f"{count} customers written to {options.out} 已写出")
    return DONE


def add_reveal(verbs: Any) -> None:
    verb = new_verb(verbs, "reveal", "customer numbers onto a contact list, with an access log 名单还原客户号", _reveal)
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

"""The document: every number in report.json under its id, both languages, wrong ids and words refused."""

import json
import math

import pandas as pd
import pytest

from creditlab.errors import ColumnError, InputError
from creditlab.files import canonical_json
from creditlab.plots import theme
from creditlab.report import (
    Callout,
    Document,
    FigureBlock,
    Finding,
    KeyFigure,
    Paragraph,
    Section,
    TableBlock,
    Text,
    pair_texts,
)
from creditlab.report.cells import cell
from creditlab.results import NotEstimable
from tests.report.made import document, text

ONE = pd.DataFrame({"n": [1]})


def whole(*blocks):
    return Document(text("title"), text("subtitle"), [Section("one", text("section"), blocks)])


def test_json_holds_every_number_under_its_id():
    content = json.loads(canonical_json(document().to_dict()))
    assert content["schema"] == "creditlab.report" and content["schema_version"] == 1
    assert content["tables"]["villages"]["rows"][1]["n"] == 1234 and content["tables"]["villages"]["n"] == 9
    assert content["tables"]["villages"]["rows"][1]["rate"] is None
    keys = content["sections"][0]["blocks"][2]
    assert [f["value"] for f in keys["figures"]] == [123456, 0.77777, {"not_estimable": "7 < 10"}]
    assert [f["id"] for f in content["figures"]] == ["funnel", "caterpillar", "map"]
    assert content["figures"][0]["data"]["rows"][0]["ratio"] == 3.0
    assert content["findings"][0] == {
        "id": "F-1",
        "severity": "high",
        "statement": {"zh": "中文finding", "en": "English finding"},
        "evidence": "funnel",
        "owner": content["findings"][0]["owner"],
        "status": "open",
    }
    assert content["manifest"]["seed"] == 7


def test_blocks_without_an_id_are_named_by_their_place():
    kinds = [(b["id"], b["kind"]) for b in document().to_dict()["sections"][0]["blocks"]]
    assert kinds[:3] == [("summary.1", "paragraph"), ("summary.2", "callout"), ("summary.3", "key_figures")]
    assert kinds[3] == ("villages", "table")


def test_labels_come_from_the_call_the_glossary_or_the_name():
    block = TableBlock("t", text("t"), pd.DataFrame({"n": [1], "odd": [2]}))
    assert [c["zh"] for c in block.data()["columns"]] == ["样本量", "odd"]
    chosen = TableBlock("t", text("t"), pd.DataFrame({"n": [1], "odd": [2]}), {"odd": text("odd")})
    assert chosen.data()["rows"] == [{"odd": 2}]


def test_a_block_keeps_its_numbers_when_the_frame_changes():
    frame = ONE.copy()
    block = TableBlock("t", text("t"), frame)
    frame.loc[0, "n"] = 99
    assert block.data()["rows"] == [{"n": 1}]


def test_pairs_of_languages_become_one_column():
    frame = pd.DataFrame({"id": [1, 2, 3], "why_zh": ["缺", None, None], "why_en": ["missing", "only", None]})
    paired = pair_texts(frame, "why")
    assert list(paired.columns) == ["id", "why"]
    assert paired["why"].tolist() == [Text("缺", "missing"), Text("only", "only"), None]
    assert list(frame.columns) == ["id", "why_zh", "why_en"]


@pytest.mark.parametrize(
    "make, match",
    [
        (lambda: Text("", "x"), "a text in both languages; got '' for zh"),
        (lambda: Paragraph("x"), "Expected a Text"),
        (lambda: Callout(text("x"), "pink"), "one of green, amber, red, info, none; got 'pink'"),
        (lambda: KeyFigure(text("x"), 1, state="pink"), "state of a key figure"),
        (lambda: Finding("F", "urgent", text("x"), "one", text("x")), "severity of finding 'F'"),
        (lambda: whole(Finding("F", "low", text("x"), "absent", text("x"))), "got 'absent' \\(evidence of finding 'F'"),
        (lambda: whole(TableBlock("t", text("t"), ONE), TableBlock("t", text("t"), ONE)), "'t' more than once"),
        (lambda: whole(TableBlock("one", text("t"), ONE)), "'one' more than once"),
        (lambda: whole(TableBlock("<b>", text("t"), ONE)), "ids of letters"),
        (lambda: whole(TableBlock("manifest", text("t"), ONE)), "ids of letters"),
        (lambda: TableBlock("t", text("t"), [1]), "Expected a DataFrame; got list"),
        (lambda: FigureBlock("f", text("t"), "x", text("alt"), ONE), "Expected a plotly Figure; got str"),
        (lambda: Section("s", text("t"), ["x"]), "Expected blocks; got str"),
        (lambda: Document(text("t"), text("s"), [], lang="fr"), "lang of the document"),
        (lambda: Document(text("t"), text("s"), [], edition="public"), "edition of the document"),
    ],
)
def test_wrong_calls_raise_one_clear_message(make, match):
    with pytest.raises(InputError, match=match):
        make()


def test_unknown_columns_are_named():
    with pytest.raises(ColumnError, match="'absent'"):
        TableBlock("t", text("t"), ONE, {"absent": text("x")})
    with pytest.raises(ColumnError, match="'absent'"):
        FigureBlock("f", text("t"), theme.figure("funnel"), text("alt"), ONE, formats={"absent": ".1f"})


@pytest.mark.parametrize(
    "value, format, shown",
    [
        (1234567, "", "1,234,567"),
        (0.123456, "", "0.1235"),
        (70285000.4, "", "70,285,000"),
        (0.125, ".1%", "12.5%"),
        (3.0, ",d", "3"),
        (0.00001, ".4f", "<0.0001"),
        (-0.00001, ".4f", ">-0.0001"),
        (0.0004, ".1%", "<0.1%"),
        (0.0, ".4f", "0.0000"),
        (math.inf, ".2f", "∞"),
        (None, ".2f", "–"),
        (pd.NaT, "", "–"),
        (pd.Timestamp("2024-12-31"), "", "2024-12-31"),
        (True, "", "yes"),
        (["a", "b"], "", "a, b"),
        ("", "", "–"),
        ("green", "state", "pass"),
        ("unheard of", "state", "unheard of"),
    ],
)
def test_cells_are_shown_as_a_reader_expects(value, format, shown):
    assert cell(value, format).text.en == shown


def test_what_cannot_be_estimated_says_why_and_a_wrong_format_is_named():
    assert cell(NotEstimable("7 < 10")).reason == "7 < 10"
    with pytest.raises(InputError, match="a format for numbers"):
        cell(1.5, "percent")

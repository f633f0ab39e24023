"""The page: one file without a request, both languages whole, accessible, inert, the same bytes every time."""

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from base64 import b64decode, b64encode
from html.parser import HTMLParser

import pytest

from creditlab.errors import InputError
from creditlab.report import Document, render
from tests.report.made import document, text

VOID = {"meta", "link", "img", "br", "hr", "input"}
MEGABYTE = 1_000_000


class Tree(HTMLParser):
    """Elements with attributes, text and depth, in document order."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.found, self.open = [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "attrs": dict(attrs), "text": "", "inside": [e["tag"] for e in self.open]}
        self.found.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1]["tag"] == tag, f"</{tag}> closes {self.open[-1]['tag']}"
        self.open.pop()

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag, **attrs):
        wanted = {k.rstrip("_"): v for k, v in attrs.items()}
        return [e for e in self.found if e["tag"] == tag and all(e["attrs"].get(k) == v for k, v in wanted.items())]


@pytest.fixture(scope="module")
def html():
    return render(document())


@pytest.fixture(scope="module")
def tree(html):
    return Tree(html)


def test_every_element_is_closed_and_every_id_is_used_once(tree):
    assert tree.open == []
    ids = [e["attrs"]["id"] for e in tree.found if "id" in e["attrs"]]
    assert len(ids) == len(set(ids))
    for element in tree.found:
        for name in ("aria-labelledby", "aria-describedby"):
            assert element["attrs"].get(name, ids[0]) in ids
        if element["attrs"].get("href", "").startswith("#"):
            assert element["attrs"]["href"][1:] in ids


def test_nothing_is_loaded_from_anywhere(html, tree):
    loading = {"src", "href", "srcset", "action", "data", "poster", "background"}
    for element in tree.found:
        for name in loading & set(element["attrs"]):
            assert element["attrs"][name].startswith("#"), element
    assert not tree.all("link") and not tree.all("img") and not tree.all("iframe")
    style = "".join(e["text"] for e in tree.all("style"))
    assert "url(" not in style and "@import" not in style and "http" not in style
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|importScripts)\b", tree.all("script")[-1]["text"])
    policy = tree.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["attrs"]["content"]
    assert policy.startswith("default-src 'none';") and "unsafe-eval" not in policy
    assert "script-src 'sha256-" in policy and "http" not in policy


def test_the_policy_names_the_two_scripts_of_the_page(tree):
    plotly = gzip.decompress(b64decode(tree.all("script", id="page-plotly")[0]["text"]))
    page = tree.all("script")[-1]["text"].encode()
    policy = tree.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["attrs"]["content"]
    for script in (plotly, page):
        assert b64encode(hashlib.sha256(script).digest()).decode() in policy
    assert b"plotly.js v" in plotly[:200]


def test_hostile_text_is_inert(html, tree):
    # the page settings, plotly, the script of the page, and the data of three figures: no script came with the text
    assert len(tree.all("script")) == 6
    assert not [e for e in tree.found if any(name.startswith("on") for name in e["attrs"])]
    assert tree.all("title")[0]["text"].startswith("<script>document.title='hacked'</script>")
    for script in tree.all("script", type_="application/json"):
        assert not set("<>&\u2028") & set(script["text"])
        json.loads(script["text"])
    assert "document.title='hacked'" in html.replace("&#39;", "'")  # it was there to be escaped


def test_both_languages_are_whole(tree):
    zh = [e["text"] for e in tree.found if e["attrs"].get("class") == "zh"]
    en = [e["text"] for e in tree.found if e["attrs"].get("class") == "en"]
    assert len(zh) == len(en) > 40 and all(t.strip() for t in [*zh, *en])
    assert all(re.search(r"[\u4e00-\u9fff]", t) for t in zh)
    assert not any(re.search(r"[\u4e00-\u9fff]", t) for t in en)


def test_figures_have_alternative_text_and_their_table(tree):
    figures = tree.all("figure")
    assert [f["attrs"]["id"] for f in figures] == ["funnel", "caterpillar", "map"]
    for id in ("funnel", "caterpillar", "map"):
        (plot,) = [e for e in tree.found if e["attrs"].get("data-figure") == f"{id}--figure"]
        assert plot["attrs"]["role"] == "img" and plot["attrs"]["aria-describedby"] == f"{id}--alt"
        assert "English what is seen" in tree.all("figcaption", id=f"{id}--alt")[0]["text"]
    assert len([t for t in tree.all("table") if "details" in t["inside"] and "figure" in t["inside"]]) == 3


def test_headings_are_in_order_and_tables_have_scopes(tree):
    levels = [int(e["tag"][1]) for e in tree.found if re.fullmatch("h[1-6]", e["tag"]) and "nav" not in e["inside"]]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    assert all(e["attrs"].get("scope") in ("col", "row") for e in tree.all("th"))
    assert tree.all("a", class_="skip")[0]["attrs"]["href"] == "#main"


def test_a_state_is_a_word_and_a_shape_and_a_small_number_is_not_zero(html):
    assert '<span class="state green"><span class="shape" aria-hidden="true"></span>' in html
    assert "无法估计" in html and "7 &lt; 10" in html


def test_numbers_are_shown_with_their_place_in_the_json(tree):
    places = {e["text"] for e in tree.all("code")}
    assert {"tables.villages", "figures.funnel", "summary.3"} <= places


def test_figures_leave_title_and_template_to_the_page(tree):
    content = json.loads(tree.all("script", id="funnel--figure")[0]["text"])
    assert set(content) == {"data", "layout"} and not {"template", "title", "meta"} & set(content["layout"])
    settings = json.loads(tree.all("script", id="page-settings")[0]["text"])
    assert settings["words"]["期望坏样本 expected bads"] == {"zh": "期望坏样本", "en": "expected bads"}


def test_long_tables_say_where_the_rest_is():
    import pandas as pd

    from creditlab.report import Section, TableBlock

    block = TableBlock("long", text("t"), pd.DataFrame({"n": range(500)}), shown=20)
    html = render(Document(text("title"), text("sub"), [Section("one", text("s"), [block])]))
    assert "First 20 of 500 rows" in html and html.count("<tr>") == 21
    assert 'id="page-plotly"' not in html and len(html) < 60_000  # no figure, no plotly


def test_size_is_capped(html):
    assert len(html.encode("utf-8")) < 2.5 * MEGABYTE


def test_the_language_shown_first_can_be_chosen():
    plain = Document(text("title"), text("sub"), [], lang="en")
    assert '<html lang="en">' in render(plain) and '<html lang="zh-CN">' in render(plain, "zh")
    with pytest.raises(InputError, match="'zh' or 'en'"):
        render(plain, "fr")


def test_the_same_document_gives_the_same_bytes_in_another_process(html, root):
    code = (
        "import hashlib; from creditlab.report import render; from tests.report.made import document;"
        "print(hashlib.sha256(render(document()).encode('utf-8')).hexdigest())"
    )
    other = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "America/New_York", "LC_ALL": "C", "PYTHONPATH": str(root)}
    made = subprocess.run([sys.executable, "-c", code], env=other, cwd=root, capture_output=True, text=True, check=True)
    assert made.stdout.strip() == hashlib.sha256(html.encode("utf-8")).hexdigest()

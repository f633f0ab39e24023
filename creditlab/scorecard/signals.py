"""Checks of a fitted card in green, amber and red: data, not prints.

Each check has a value, the limits that turn it amber or red, and a sentence in both languages. Limits are rules of
thumb, named with their source; they ask for a look and decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from creditlab.scorecard.result import ScorecardResult

GREEN, AMBER, RED = "green", "amber", "red"
SIGNALS = ("check", "colour", "value", "amber", "red", "zh", "en")
#: bads (or goods) per coefficient: ten is usual, five the least that simulations support (Peduzzi et al., J. Clin.
#: Epidemiol. 49, 1996; E. Vittinghoff, C. McCulloch, Am. J. Epidemiol. 165, 2007)
EVENTS = (10.0, 5.0)
#: loss of AUC from training to other rows beyond which a card is looked at; judgement
DROP = (0.02, 0.05)
#: PSI less chance: N. Siddiqi, Credit Risk Scorecards, 2006
PSI = (0.10, 0.25)
#: log-odds by which a bin leaves coefficient × WOE: a doubling of its odds, a fourfold; judgement
DEPARTURE = (float(np.log(2)), float(np.log(4)))
#: AUC that whole points lose; judgement
ROUNDING = (0.001, 0.005)


def signals(result: ScorecardResult) -> pd.DataFrame:
    """A row per check: `check colour value amber red zh en`."""
    rows = [*_model(result), *_rows(result)]
    frame = pd.DataFrame(rows, columns=list(SIGNALS))
    numbers = dict.fromkeys(("value", "amber", "red"), "float64")
    return frame.astype(dict.fromkeys(("check", "colour", "zh", "en"), "str") | numbers)


def limits_of(row: Mapping[str, Any]) -> str:
    """Where a check turns amber (▲) and red (■), in words; of calibration the interval that the mean PD should lie in.

    >>> limits_of({"check": "psi_test", "amber": 0.1, "red": 0.25})
    '▲ > 0.1 · ■ > 0.25'
    """
    amber, red = float(row["amber"]), float(row["red"])
    if not np.isfinite(amber):
        return ""
    if str(row["check"]).startswith("calibration"):
        return f"{amber:.2%}–{red:.2%}"
    way = "<" if red < amber else ">"
    parts = [f"▲ {way} {amber:.3g}"] if amber != red else []
    return " · ".join([*parts, *([f"■ {way} {red:.3g}"] if np.isfinite(red) else [])])


def _judged(
    check: str, value: float, limits: tuple[float, float], zh: str, en: str, low: bool = False
) -> tuple[Any, ...]:
    amber, red = limits
    sign = -1 if low else 1
    colour = RED if sign * (value - red) > 0 else AMBER if sign * (value - amber) > 0 else GREEN
    return check, colour, value, amber, red, zh, en


def _model(result: ScorecardResult) -> Iterator[tuple[Any, ...]]:
    facts, table = result.facts, result.table.set_index("feature")
    points = result.points_table()
    against = contradicting(points)
    yield _judged("signs", against, (0, 0), f"{against} 个变量的分值与坏账率相反",
                  f"{against} features whose points contradict their bad rate")  # fmt: skip
    clamped = int(facts.get("clamped", 0))
    yield _judged("clamped", clamped, (0, np.inf), f"{clamped} 个变量因方向相反被置零",
                  f"{clamped} features clamped at 0, because they would contradict their bad rate")  # fmt: skip
    events = min(facts["bads"], facts["n"] - facts["bads"]) / max(len(result.features), 1)
    yield _judged("events", events, EVENTS, f"每个变量 {events:.0f} 个坏样本",
                  f"{events:.0f} bads for each feature", low=True)  # fmt: skip
    separated = "separate goods" in "".join(table["reason"])
    texts = (
        ("变量将好坏完全分开", "features separate goods from bads")
        if separated
        else ("变量未将好坏完全分开", "no feature separates goods from bads")
    )
    yield _judged("separated", float(separated), (0, 0.5), *texts)
    if facts.get("ridge_chosen"):
        ridge = float(facts["ridge"])
        yield _judged("ridge", ridge, (0, np.inf), f"坏样本较少：系数以岭罚 {ridge:g} 收缩",
                      f"few bads: slopes are held back by a ridge of {ridge:g}")  # fmt: skip
    weak = int((table.loc[[n for n in result.features if n in table.index], "p_value"] > 0.05).sum())
    yield _judged("weak", weak, (0, np.inf), f"{weak} 个变量的 p 值高于 0.05", f"{weak} features with p above 0.05")
    if "rounding_auc_lost" in facts:
        lost, changed = float(facts["rounding_auc_lost"]), float(facts["rounding_decisions"])
        near, gap = float(facts["rounding_within_half"]), float(facts["rounding_gap"])
        yield _judged("rounding", lost, ROUNDING,
                      f"取整损失 AUC {lost:.4f}，最多改变 {changed:.1%} 的决策；{near:.0%} 的总分差不超过 0.5，"
                      f"最大 {gap:.1f}",
                      f"rounding loses {lost:.4f} of AUC and {changed:.1%} of decisions at most; {near:.0%} of scores "
                      f"stay within half a point, the worst is off by {gap:.1f}")  # fmt: skip
    yield _thin(result, points)
    if result.bin_se:
        yield _departure(result)
    hand = len(result.edits)
    yield _judged("edits", hand, (0, np.inf), f"{hand} 处人工改分", f"{hand} bins with points set by hand")


def contradicting(table: pd.DataFrame) -> int:
    """Features of which a bin with more goods to its bads has fewer points: set by hand, by an expert, or unsigned."""
    table = table[(table["n"] > 0) & (table["feature"] != "(base)")].sort_values(["woe", "points_exact"])
    return int((table.groupby("feature")["points_exact"].diff() < -1e-9).groupby(table["feature"]).any().sum())


def _departure(result: ScorecardResult) -> tuple[Any, ...]:
    """How far bins leave their lines: a card of few departures is told by its coefficients alone."""
    table = result.departures()
    if not len(table):
        return _judged("departures", 0, DEPARTURE, "没有分箱", "no bins")
    most = table.iloc[0]
    amber, red = (result.scale.factor * limit for limit in DEPARTURE)  # in points, as the text
    return _judged(
        "departures", float(abs(most["moved"])), (amber, red),
        f"在其他变量之外，分箱的分值最多偏离“系数 × WOE” {abs(most['moved']):.1f} 分"
        f"（“{most['label_zh']} {most['bin_zh']}”）",
        f"beside the other features a bin departs from coefficient × WOE by {abs(most['moved']):.1f} points at most "
        f"('{most['label_en']} {most['bin_en']}')",
    )  # fmt: skip


def _thin(result: ScorecardResult, table: pd.DataFrame) -> tuple[Any, ...]:
    """Bins whose points rest on a handful of bads (or goods), and the one that moves a score most."""
    thin = table[table["thin"]]
    if not len(thin):
        return _judged(
            "thin_bins", 0, (0, np.inf), "没有坏（或好）样本少于 5 个的分箱", "no bin has fewer than 5 bads or goods"
        )
    means = thin["feature"].map(result.mean_points())
    worst = thin.loc[(thin["points_exact"] - means).abs().idxmax()]
    rarer_zh, rarer = ("坏", "bads") if worst["bads"] <= worst["goods"] else ("好", "goods")
    count = f"{min(worst['bads'], worst['goods']):g}"
    zh, en = (
        f"{worst['points']:d} {word} ({worst['points_lo']:.0f}…{worst['points_hi']:.0f}, 90 %)"
        if np.isfinite(worst["points_lo"])
        else f"{worst['points']:d} {word}"
        for word in ("分", "points")
    )
    return _judged(
        "thin_bins", len(thin), (0, np.inf),
        f"{len(thin)} 个分箱的坏（或好）样本少于 5 个；影响最大的是“{worst['label_zh']} {worst['bin_zh']}”："
        f"{worst['n']:g} 户中 {count} 个{rarer_zh}样本，{zh}",
        f"{len(thin)} bins rest on fewer than 5 bads (or goods); the one that moves most is '{worst['label_en']} "
        f"{worst['bin_en']}': {count} {rarer} among {worst['n']:g} rows, {en}",
    )  # fmt: skip


def _rows(result: ScorecardResult) -> Iterator[tuple[Any, ...]]:
    table = result.performance
    if not len(table):
        yield (
            "measured",
            AMBER,
            np.nan,
            np.nan,
            np.nan,
            "改动后尚未重新评估：请用 measured(sample)",
            ("not measured since it was changed: use measured(sample)"),
        )
        return
    if len(table) < 2:
        yield "held_out", AMBER, np.nan, np.nan, np.nan, "没有留出样本：以下表现只在训练样本上", "no rows were held out"
        return
    train = table.iloc[0]
    for row in table.iloc[1:].to_dict("records"):
        name = str(row["part"])
        zh = {"test": "测试", "out_of_time": "跨期"}.get(name, name)
        en = name.replace("_", "-")
        yield _ranked(train, row, name, zh, en)
        shift = max(float(row["psi"] - row["psi_chance"]), 0.0)
        yield _judged(f"psi_{name}", shift, PSI, f"{zh}样本评分 PSI {shift:.3f}（已扣除偶然部分）",
                      f"PSI of points {shift:.3f} on {en} rows, less what chance adds")  # fmt: skip
        yield _calibrated(row, name, zh, en)


def _ranked(train: pd.Series, row: dict[str, Any], name: str, zh: str, en: str) -> tuple[Any, ...]:
    if not np.isfinite(row["auc"]):
        texts = f"{zh}样本只有好户或只有坏户：没有 AUC", f"only goods or only bads among the {en} rows: no AUC"
        return f"auc_{name}", AMBER, np.nan, np.nan, np.nan, *texts
    drop = float(train["auc"] - row["auc"])
    way_zh, way = ("低", "below") if drop >= 0 else ("高", "above")
    check = _judged(f"auc_{name}", drop, DROP, f"{zh}样本 AUC {row['auc']:.3f}，比训练{way_zh} {abs(drop):.3f}",
                    f"AUC {row['auc']:.3f} on {en} rows, {abs(drop):.3f} {way} training")  # fmt: skip
    # a drop that chance explains asks for a look, not for more
    return (check[0], AMBER, *check[2:]) if check[1] == RED and train["auc"] <= row["auc_hi"] else check


def _calibrated(row: dict[str, Any], name: str, zh: str, en: str) -> tuple[Any, ...]:
    lo, hi, mean = float(row["bad_rate_lo"]), float(row["bad_rate_hi"]), float(row["mean_pd"])
    known = bool(np.isfinite([lo, hi]).all())
    range_zh, range_en = (f"{lo:.2%}–{hi:.2%}", f"{lo:.2%} to {hi:.2%}") if known else ("无区间", "no interval")
    texts = (
        f"{zh}样本平均 PD {mean:.2%}，坏账率 {row['bad_rate']:.2%}（{range_zh}）",
        f"mean PD {mean:.2%} on {en} rows, bad rate {row['bad_rate']:.2%} ({range_en})",
    )
    if not known:
        return f"calibration_{name}", AMBER, mean, lo, hi, *texts
    # outside the interval: amber; farther than its half-width again: red
    width = hi - lo
    outside = max(lo - mean, mean - hi, 0.0)
    colour = GREEN if outside == 0 else AMBER if outside <= width / 2 else RED
    return f"calibration_{name}", colour, mean, lo, hi, *texts

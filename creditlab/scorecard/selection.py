"""Which features enter the card, and why the others do not.

The rules are gentle, because a blunt cut of weak columns lowers the ranking power of a card: a feature leaves when it
is constant, when its information value is below a small floor, when it repeats a stronger one, when there are too few
bads for so many, when it adds less than the error of its own estimate, and at the end when its coefficient would
contradict the bad rate that its own bin table shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import pandas as pd

from creditlab.binning import BinTable

#: reasons by code: zh, en; {other} is the feature that takes the place
REASONS: Mapping[str, tuple[str, str]] = {
    "kept": ("入选", "kept"),
    "one_bin": ("只有一个分箱（常数、全部缺失或无法切分）", "one bin only (constant, all missing, or cannot be cut)"),
    "low_iv": ("信息值低于下限", "information value below the floor"),
    "duplicate": (
        "与更强的特征「{other}」重复（WOE 相关系数超过上限）",
        "repeats the stronger feature '{other}' (correlation of WOE above the limit)",
    ),
    "few_bads": ("坏样本太少，容不下更多特征", "too few bads for more features"),
    "weak": (
        "对模型的贡献小于其估计误差（|z| 低于下限）",
        "adds less than the error of its own estimate (|z| below the floor)",
    ),
    "slight": (
        "与其他特征并用时，各箱之间相差不到下限",
        "beside the others its bins differ by less than the floor",
    ),
    "steps": (
        "系数已置为 0；与其他特征并用时，个别分箱仍按其坏账率方向计分",
        "coefficient clamped at 0; single bins still tell more beside the others, in the order of its bad rate",
    ),
    "forced_in": ("由分析人员指定保留", "kept by order of the analyst"),
    "forced_out": ("由分析人员指定剔除", "left out by order of the analyst"),
    "missing": ("缺失比例高于上限", "too large a share is missing"),
    "direction": (
        "坏账率的走向与数据字典声明的方向相反",
        "its bad rate moves against the direction declared in the dictionary",
    ),
    "iv_lo": ("信息值区间的下端低于下限", "the lower end of the interval of its information value is below the floor"),
    "held_out_iv": (
        "在未参与分箱的村或时期上信息值低于下限",
        "information value below the floor on villages and periods that its bins never saw",
    ),
    "psi": ("各时期分布不稳定（PSI 高于上限）", "its distribution moves over time (PSI above the limit)"),
    "cluster": (
        "与「{other}」同属一个相关簇，后者信息值更高",
        "in one cluster of correlation with '{other}', which has the higher information value",
    ),
    "vif": ("方差膨胀因子高于上限", "variance inflation factor above the limit"),
    "unstable": (
        "在多数半样本中 L1 路径未选中它",
        "the L1 path does not pick it in enough half-samples",
    ),
    "stepwise": ("逐步回归：似然增益不抵其代价", "stepwise: its gain in likelihood is not worth its price"),
    "stepwise_in": ("逐步回归：似然增益高于其代价", "stepwise: its gain in likelihood is worth its price"),
    "eliminated": (
        "递归剔除：平均 SHAP 值最小，去掉后留出样本 AUC 仍在一个标准误之内",
        "recursive elimination: least mean SHAP value, and the held-out AUC stays within one standard error",
    ),
    "shrunk": ("被绝对值惩罚收缩为 0", "shrunk to 0 by the absolute penalty"),
    "sign": (
        "系数会与其坏账率方向相反，已置为 0",
        "its coefficient would contradict its bad rate: clamped at 0",
    ),
}  # fmt: skip


def select_features(
    tables: Mapping[str, BinTable],
    woe: pd.DataFrame,
    *,
    iv: np.ndarray,
    events: float,
    weight: np.ndarray | None = None,
    min_iv: float = 0.001,
    max_correlation: float = 0.99,
    events_per_feature: float = 10.0,
    left: Mapping[str, str] | None = None,
    forced: Collection[str] = (),
) -> pd.DataFrame:
    """A row per feature, in column order: `feature iv bins kept reason other`.

    Parameters
    ----------
    tables, woe : the bin table of each feature and the WOE frame of the training rows.
    iv : the information value of each feature on the rows it is trained on (see `information`).
    events : weight of the rarer class, bads or goods.
    min_iv : the floor of the information value.
    max_correlation : of two features whose WOE correlate more than this in absolute value the weaker leaves.
    events_per_feature : bads (or goods, if rarer) that each feature needs; the strongest by IV stay. Ten is the usual
        rule (Peduzzi et al., J. Clin. Epidemiol. 49, 1996); simulations support five at the least.
    left : feature → the reason for which it has left already.
    forced : features that leave only when they have one bin.
    """
    frame = pd.DataFrame({"feature": list(tables), "iv": iv, "bins": [used_bins(t) for t in tables.values()]})
    frame["reason"] = np.where(frame["bins"] < 2, "one_bin", np.where(iv < min_iv, "low_iv", "kept"))
    frame["other"] = ""
    stays = frame["feature"].isin(set(forced))
    frame.loc[stays & (frame["reason"] == "low_iv"), "reason"] = "kept"
    for name, reason in (left or {}).items():
        frame.loc[(frame["feature"] == name) & (frame["reason"] != "one_bin"), "reason"] = reason
    for name, other in repeated(woe, frame, weight, max_correlation).items():
        frame.loc[(frame["feature"] == name) & ~stays, ["reason", "other"]] = ["duplicate", other]
    most = max(int(events / events_per_feature), 1) if events_per_feature > 0 else len(frame)
    ranked = frame[frame["reason"] == "kept"].sort_values("iv", ascending=False, kind="stable")
    last = [place for place in ranked.index[most:] if not stays[place]]
    frame.loc[last, "reason"] = "few_bads"
    frame.insert(3, "kept", frame["reason"] == "kept")
    return frame


def information(woe: pd.DataFrame, bad: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Information value of each column: mean WOE of the goods minus mean WOE of the bads.

    For a WOE from the same counts this is Σ (g/G - b/B) · WOE, the IV of the bin table; for an out-of-fold WOE it is
    what the column carries on rows that it was not found on, and near zero or below for noise.
    """
    values = woe.to_numpy(dtype=float)
    good = weight * (1 - bad)
    return (good @ values) / good.sum() - ((weight * bad) @ values) / (weight @ bad)


def used_bins(table: BinTable) -> int:
    """Bins that hold training rows."""
    return int((table.counted.goods + table.counted.bads > 0).sum())


def repeated(woe: pd.DataFrame, frame: pd.DataFrame, weight: np.ndarray | None, limit: float) -> dict[str, str]:
    """Weaker feature → the stronger one that it repeats, among the features kept so far."""
    ranked = frame[frame["reason"] == "kept"].sort_values("iv", ascending=False, kind="stable")["feature"].tolist()
    if len(ranked) < 2:
        return {}
    values = woe[ranked].to_numpy(dtype=float)
    correlation = np.abs(np.cov(values, rowvar=False, aweights=weight))
    spread = np.sqrt(np.diag(correlation))
    correlation /= np.where(spread > 0, spread, 1.0)[:, None] * np.where(spread > 0, spread, 1.0)
    stayed: list[int] = []
    found = {}
    for j, name in enumerate(ranked):
        twins = [i for i in stayed if correlation[i, j] > limit]
        if twins:
            found[name] = ranked[twins[0]]
        else:
            stayed.append(j)
    return found


def with_model(
    selection: pd.DataFrame, coef: Mapping[str, float], left: Mapping[str, Iterable[str]], steps: Collection[str] = ()
) -> pd.DataFrame:
    """The final table `feature iv bins kept coef reason_zh reason_en`, after the model has spoken.

    `left` : reason → the features that left the model for it. `steps` : those that stay without a coefficient.
    """
    frame = selection.copy()
    for reason, names in left.items():
        frame.loc[frame["feature"].isin(set(names)), "reason"] = reason
    frame["kept"] = frame["reason"] == "kept"
    frame.loc[frame["kept"] & frame["feature"].isin(set(steps)), "reason"] = "steps"
    frame["coef"] = [coef.get(name, np.nan) for name in frame["feature"]]
    for place, lang in enumerate(("zh", "en")):
        frame[f"reason_{lang}"] = [
            REASONS[reason][place].format(other=other)
            for reason, other in zip(frame["reason"], frame["other"], strict=True)
        ]
    return frame[["feature", "iv", "bins", "kept", "coef", "reason_zh", "reason_en"]]

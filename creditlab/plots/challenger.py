"""Figures of challengers: the gain of each feature, and the points of a boosted scorecard.

They draw a `ChallengerResult`, `points` a `BoostedScorecardResult`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from creditlab.plots import scorecard, theme

__all__ = ["importance", "points"]

#: features in one figure; the table has them all
MOST = 20


def importance(result: Any, most: int = MOST) -> go.Figure:
    """The share of the trees' gain by feature, the largest on top; filled where a direction is imposed."""
    table = theme.rows(result, ["feature", "share", "direction"], "plots.challenger.importance")
    drawn = table.sort_values("share", ascending=False, kind="stable").head(most)
    held = (drawn["direction"] != 0).to_numpy()
    note = [theme.of(len(drawn), len(table), "特征", "features"), theme.sample(getattr(result, "facts", {}).get("n")),
            theme.Text("斜线：方向自由", "hatched: free direction")]  # fmt: skip
    fig = theme.figure("feature_importance", note, height=130 + 24 * len(drawn), showlegend=False)
    names = theme.show_labels(fig, [theme.label_of(n, getattr(result, "labels", None)) for n in drawn["feature"]])
    fig.add_bar(
        x=drawn["share"], y=np.arange(len(drawn)), orientation="h",
        marker={"color": theme.colour("blue"), "pattern": {"shape": np.where(held, "", "/").tolist(), "solidity": 0.3}},
        hovertemplate=theme.hover({"gain_share": "%{x:.1%}"}),
    )  # fmt: skip
    rows = {"tickvals": np.arange(len(drawn)), "ticktext": names, "autorange": "reversed", "showgrid": False}
    return fig.update_layout(
        xaxis=theme.axis("gain_share", rangemode="tozero", tickformat=".0%"), yaxis=rows, margin={"l": 40}
    )


def points(result: Any) -> go.Figure:
    """The points of every bin of a boosted scorecard, a row per feature, as of a card."""
    return scorecard.points(result)

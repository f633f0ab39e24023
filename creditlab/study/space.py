"""Do bad villages lie together, and where: the tests of geography that a study makes of its panel.

Rates and what is left after O/E are standardised first; single villages are named only after control of false
discoveries; the scan gives one p-value for the county. It estimates nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from creditlab import village as vl
from creditlab.errors import InputError, message

#: villages that a block of the scan must hold: one bad village is no block
FEWEST = 2


@dataclass(frozen=True)
class VillageSpace:
    """Tests of geography; `blocks` and `shuffled` are None where the places of fewer than ten villages are known.

    Parameters
    ----------
    rates : Moran's I of bad rates. excess : of O/E, what the borrowers do not explain. local : local Moran of O/E.
    hot : Gi* of O/E. blocks : scan against chance alone. shuffled : scan against villages that differ, wherever they
        lie.
    """

    rates: Any
    excess: Any
    local: Any
    hot: Any
    blocks: Any = None
    shuffled: Any = None


#: villages with a place below which no circle says anything
FEWEST_PLACES = 10


def village_space(panel: Any, graph: Any, places: pd.DataFrame | None = None, seed: int = 0) -> VillageSpace | None:
    """Every test of geography of a panel; None without neighbours.

    Parameters
    ----------
    panel : a `VillagePanel`.
    graph : its neighbours; None where a county has no map.
    places : village and x, y of those villages that have a place (degrees or metres).

    Raises
    ------
    InputError : when there are not even two neighbours among the villages.
    """
    if graph is None:
        return None
    table = panel.smoothing.tidy()[["village", "observed", "expected", "variance"]]
    table = table.merge(panel.tidy()[["village", "n"]], on="village", validate="1:1")
    village = table["village"]
    if vl.Graph.aligned(graph, village).matrix.nnz == 0:
        raise InputError(
            message("neighbours among the villages", "none", "the map", "Check codes of villages and map.")
        )
    left = {"size": table["expected"], "variance": table["variance"], "village": village}
    observed = table["observed"].to_numpy()
    found = VillageSpace(
        rates=vl.moran(observed, graph, seed, size=table["n"], village=village),
        excess=vl.moran(observed, graph, seed, **left),
        local=vl.lisa(observed, graph, seed=seed, **left),
        hot=vl.gi_star(observed, graph, seed=seed, **left),
    )
    return found if places is None else _scanned(found, table, places, seed)


def _scanned(found: VillageSpace, table: pd.DataFrame, places: pd.DataFrame, seed: int) -> VillageSpace:
    if not {"x", "y"} <= set(places.columns):
        return found
    there = table.merge(places[["village", "x", "y"]].dropna(), on="village", validate="1:1")
    there = there[there["expected"] > 0]
    if len(there) < FEWEST_PLACES:
        return found
    degrees = bool(there["x"].abs().max() <= 180 and there["y"].abs().max() <= 90)
    given = (there["observed"].to_numpy(), there["expected"].to_numpy(), there[["x", "y"]].to_numpy(), seed)
    options: dict[str, Any] = {"variance": there["variance"], "village": there["village"], "degrees": degrees}
    return VillageSpace(
        rates=found.rates,
        excess=found.excess,
        local=found.local,
        hot=found.hot,
        blocks=vl.scan(*given, **options, fewest=FEWEST),
        shuffled=vl.scan(*given, **options, fewest=FEWEST, null="places"),
    )

"""Binning (分箱): optimal bins of every characteristic, their WOE and IV, as a scikit-learn transformer.

`Binner` orchestrates, `column` keeps one column, by the recipes in `numbers` and `levels`; `values` reads, `cells`
counts, `shapes` chooses the shape on held-out counts, `search` finds the cuts, `categories` groups levels, `spec` says
which value falls where, `characteristic` takes WOE from counts, `table` is what is signed, `views` shows the bins on
other rows. `continuous` does the same for amounts. It knows arrays and frames, not households: useful outside credit.
"""

from creditlab.binning.binner import Binner
from creditlab.binning.continuous import ContinuousBinner
from creditlab.binning.cross import Cross
from creditlab.binning.edits import Edit
from creditlab.binning.mean_table import ContinuousResult, MeanTable
from creditlab.binning.rows import Rows
from creditlab.binning.spec import BinSpec
from creditlab.binning.table import BinningResult, BinTable
from creditlab.binning.views import BinningView, BinView

__all__ = [
    "BinSpec",
    "BinTable",
    "BinView",
    "Binner",
    "BinningResult",
    "BinningView",
    "ContinuousBinner",
    "ContinuousResult",
    "Cross",
    "Edit",
    "MeanTable",
    "Rows",
]

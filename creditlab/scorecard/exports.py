"""What a fitted card becomes elsewhere: SQL, a Python module of its own, a PMML file, an ONNX graph.

`Scorecard` inherits these methods. Each writes the integer points that `points` gives; a test executes every form on
rows and edges and finds no difference. They are copies: a card that changes must be exported again, and the digests in
the heading of each copy tell which card it came from.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from creditlab.binning import BinSpec
from creditlab.estimators import check_fitted
from creditlab.files import whole_file, write_text
from creditlab.scorecard.onnx_graph import card_graph
from creditlab.scorecard.pmml import card_document
from creditlab.scorecard.standalone import card_module
from creditlab.scorecard.statement import card_statement


class Exports:
    """The methods `to_sql`, `to_python`, `to_pmml`, `to_onnx` of a model whose `result_` is a `ScorecardResult`."""

    result_: Any
    name: str

    def to_sql(
        self,
        dialect: str = "duckdb",
        table: str | Sequence[str] = "t",
        keep: Sequence[str] = (),
        parts: bool = False,
    ) -> str:
        """A SELECT that gives `points` for every row of a table, by CASE expressions alone.

        Parameters
        ----------
        dialect : duckdb, postgres, mysql, oracle, sqlserver, sqlite or hive (also Spark).
        table : its name, or (schema, name). It has the raw columns of the card, under their names.
        keep : columns that are given beside the points, such as the household.
        parts : whether the points of each characteristic are given too, as `points_<name>`.

        Raises
        ------
        InputError : for another dialect, or kept columns that clash with those that are added.
        """
        check_fitted(self)
        once, points = self.result_.integer_points()
        return card_statement(
            self._specs(), once, points, dialect=dialect, table=table, keep=keep, parts=parts, heading=self._heading()
        )

    def to_python(self) -> str:
        """The source of a module that needs only Python: `points(row)`, `parts(row)`, `log_odds(row)`, `pd(row)`.

        A row is a mapping of raw values by column. Write it to a file, or run it where it is. `pd` is calibrated as the
        card is; an isotonic calibration leaves `log_odds`, which go with the points, as they are.
        """
        check_fitted(self)
        result = self.result_
        once, points = result.integer_points()
        effects = result.effects_by_bin
        knots = None if result.knots is None else (result.knots.log_odds, result.knots.calibrated)
        return card_module(self._specs(), once, points, result.intercept, effects, heading=self._heading(), knots=knots)

    def to_pmml(self, path: str | os.PathLike[str]) -> None:
        """Write the card as a PMML 4.4 Scorecard with reason codes, whole or not at all.

        It gives `points` and `reason_1` to `reason_4`: the names of the characteristics that cost most points against
        the mean of the training rows. Dates are `dateTime`, flags `boolean`, text `string`.

        Raises
        ------
        InputError : when a name or a level holds a control character, which XML cannot hold.
        """
        check_fitted(self)
        result = self.result_
        once, points = result.integer_points()
        text = card_document(
            self._specs(), once, points, result.mean_points(), {n: result.label(n) for n in result.features},
            name=self.name, version=result.stamp.version, heading=self._heading(),
        )  # fmt: skip
        write_text(path, text)

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write the card as an ONNX graph, whole or not at all: an input for each column, the output `points`.

        Numbers, flags (0, 1) and dates (days since 1970-01-01) are 64-bit floats with NaN where missing, text is
        strings, empty where missing. It needs the extra `export`.

        Raises
        ------
        InputError : when onnx is not installed, the card has no characteristic, or a column is called `points`.
        """
        check_fitted(self)
        once, points = self.result_.integer_points()
        model = card_graph(self._specs(), once, points, name=self.name, heading=self._heading())
        with whole_file(path) as draft:
            draft.write_bytes(model.SerializeToString(deterministic=True))

    def _specs(self) -> list[BinSpec]:
        return [self.result_.bins[name].spec for name in self.result_.features]

    def _heading(self) -> str:
        stamp = self.result_.stamp
        return (
            f"creditlab {stamp.version} scorecard: inputs {stamp.inputs}, spec {stamp.spec}\n"
            f"{len(self.result_.features)} characteristics; whole points, higher is safer"
        )

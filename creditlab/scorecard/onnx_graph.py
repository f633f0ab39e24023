"""The card as an ONNX graph, for runtimes that score networks: whole points from the same steps and levels.

Numbers, flags (0 and 1) and dates (days since 1970-01-01) are inputs of 64-bit floats, NaN where missing; text is an
input of strings, empty where missing. Text is told apart by regular expressions, so that white space around it counts
as little as elsewhere. It needs the package onnx (the extra `export`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning import BinSpec
from creditlab.binning.code import WHITE
from creditlab.binning.cross import cell_names
from creditlab.errors import InputError, message
from creditlab.scorecard.scoring import Steps

OPSET, IR_VERSION = 20, 10
_SPACE = "[" + "".join(f"\\x{{{code:x}}}" for code in WHITE) + "]*"
_ANY = "(?s:.*)"


def card_graph(
    specs: Sequence[BinSpec], once: int, points: Mapping[str, np.ndarray], *, name: str, heading: str = ""
) -> Any:
    """The model with one input (n, 1) for each column and the output `points` (n, 1).

    Parameters
    ----------
    specs, once, points : the bins, the points that every row gets, and the integer points per bin.
    name, heading : of the card, and where it comes from.

    Raises
    ------
    InputError : when onnx is not installed, or a column is called `points`.
    """
    onnx = _onnx()
    graph = Graph(onnx)
    columns = {side.name: side for spec in specs for side in (spec.sides or (spec,))}
    if "points" in columns:
        raise InputError(message("another name than that of the output", "'points'", "to_onnx", "Rename the column."))
    for column, spec in columns.items():
        kind = onnx.TensorProto.STRING if spec.form == "text" else onnx.TensorProto.DOUBLE
        graph.inputs.append(onnx.helper.make_tensor_value_info(column, kind, ["n", 1]))
    parts = [graph.given(spec, points[spec.name]) for spec in specs]
    total = graph.constant(np.array([[int(once)]], dtype=np.int64))
    for part in parts:
        total = graph.node("Add", [total, part])
    if not parts:
        raise InputError(message("a card with a characteristic", "none", "to_onnx", "Nothing needs to be scored."))
    graph.node("Identity", [total], "points")
    output = onnx.helper.make_tensor_value_info("points", onnx.TensorProto.INT64, ["n", 1])
    made = onnx.helper.make_graph(graph.nodes, name or "card", graph.inputs, [output], graph.constants)
    model = onnx.helper.make_model(
        made, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="creditlab",
        doc_string=heading,
    )  # fmt: skip
    onnx.checker.check_model(model)
    return model


def _onnx() -> Any:
    try:
        import onnx
    except ImportError:
        raise InputError(
            message("the package onnx", "none installed", "to_onnx", "pip install 'creditlab[export]'.")
        ) from None
    return onnx


class Graph:
    """Nodes and constants of a graph in the making; values are known by name."""

    def __init__(self, onnx: Any) -> None:
        self.onnx = onnx
        self.inputs: list[Any] = []
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, values: np.ndarray) -> str:
        """The name of an array."""
        name = f"constant {len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(values, name))
        return name

    def node(self, kind: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """The name of what a node gives."""
        output = output or f"value {len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def given(self, spec: BinSpec, by_bin: np.ndarray) -> str:
        """What `by_bin` holds for the bin of each row, (n, 1)."""
        if not spec.sides:
            return self._text(spec, by_bin) if spec.form == "text" else self._steps(Steps.of(spec, by_bin))
        first, second = (self.given(side, np.arange(side.size)) for side in spec.sides)
        names = cell_names(spec.sides)
        cells = spec.codes(pd.Series(names.reshape(-1)))
        width = self.constant(np.array([[names.shape[1]]], dtype=np.int64))
        place = self.node("Add", [self.node("Mul", [first, width]), second])
        return self._looked_up(by_bin[cells], place)

    def _steps(self, steps: Steps) -> str:
        """The number of ends at or below each value, looked up. Missing values are at or above none."""
        ends = self.constant(steps.ends.reshape(1, -1))
        reached = self.node("GreaterOrEqual", [steps.name, ends])
        counted = self.node("Cast", [reached], to=self.onnx.TensorProto.INT64)
        axis = self.constant(np.array([1], dtype=np.int64))
        return self._looked_up(steps.given, self.node("ReduceSum", [counted, axis], keepdims=1))

    def _looked_up(self, given: np.ndarray, place: str) -> str:
        return self.node("Gather", [self.constant(np.asarray(given, dtype=np.int64)), place], axis=0)

    def _text(self, spec: BinSpec, by_bin: np.ndarray) -> str:
        """The first pattern that a text matches decides; the last bin takes the rest."""
        found = by_bin[spec.targets]
        value = self.constant(np.array([[found[spec.size - 1]]], dtype=np.int64))
        for pattern, code in reversed(text_patterns(spec)):
            matched = self.node("RegexFullMatch", [spec.name], pattern=pattern)
            value = self.node("Where", [matched, self.constant(np.array([[found[code]]], dtype=np.int64)), value])
        return value


def text_patterns(spec: BinSpec) -> list[tuple[str, int]]:
    """Regular expressions of whole texts in the order in which they are tried, each with its bin before joins.

    >>> patterns = text_patterns(BinSpec("crop", "text", groups=(("wheat", "rye"),)))
    >>> [bool(re.fullmatch(patterns[1][0].replace(_SPACE, " *"), text)) for text in (" rye", "wheat ", "oat")]
    [True, True, False]
    """

    def one_of(texts: Sequence[str]) -> str:
        return _SPACE + "(?:" + "|".join(_literal(text) for text in texts) + ")"

    found = [(_SPACE, spec.missing)]
    found += [(one_of([str(code)]) + _SPACE, spec.regular + k) for k, (code, _) in enumerate(spec.special)]
    found += [(one_of(levels) + _SPACE, k) for k, levels in enumerate(spec.groups)]
    for k in sorted({group for _, group in spec.parents}):
        found.append((one_of([unit for unit, group in spec.parents if group == k]) + _ANY, k))
    return found


def _literal(text: str) -> str:
    """A text that stands for itself in a regular expression."""
    return "".join(f"\\x{{{ord(c):x}}}" if re.match(r"[^\w]", c) else c for c in text)

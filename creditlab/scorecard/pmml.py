"""The card as a PMML 4.4 Scorecard: characteristics, attributes, partial scores and reason codes, for any PMML engine.

Attributes are in the order in which they are tried: missing, special codes, ranges or groups of levels, the rest; the
first that holds gives the points. Text is compared after white space around it is removed, by a derived field. Reason
codes are the names of the characteristics, ranked by points below the mean of the training rows.
Reference: Data Mining Group, PMML 4.4, Scorecard and General Structure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np
import pandas as pd

from creditlab.binning import BinSpec
from creditlab.binning.code import EPOCH, WHITE
from creditlab.errors import InputError, message

NAMESPACE = "http://www.dmg.org/PMML-4_4"
#: how each form is declared
TYPES = {
    "number": ("continuous", "double"),
    "date": ("continuous", "dateTime"),
    "flag": ("categorical", "boolean"),
    "text": ("categorical", "string"),
}
REASON_CODES = 4
_SPACE = "(?:" + "|".join(f"\\u{code:04x}" for code in WHITE) + ")"
#: white space around a text as a regular expression, and the empty group that takes its place: in plain ASCII, without
#: brackets, at which some readers break a text in two, and without an empty constant, which some read as missing
AROUND, NOTHING = f"(?:^{_SPACE}+|{_SPACE}+$)()", "$1"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Condition = tuple[Element, int]


def card_document(
    specs: Sequence[BinSpec],
    once: int,
    points: Mapping[str, np.ndarray],
    baseline: Mapping[str, float],
    labels: Mapping[str, str],
    *,
    name: str,
    version: str,
    heading: str = "",
) -> str:
    """The XML text of the card.

    Parameters
    ----------
    specs, once, points : the bins, the points that every row gets, and the integer points per bin.
    baseline : the points of the mean training row, by characteristic.
    labels : what each characteristic is called.
    name, version, heading : of the card, of creditlab, and where the card comes from.

    Raises
    ------
    InputError : when a name or a level holds a character that XML cannot hold.
    """
    fields = {side.name: side for spec in specs for side in (spec.sides or (spec,))}
    root = Element("PMML", xmlns=NAMESPACE, version="4.4")
    header = SubElement(root, "Header", description=heading)
    SubElement(header, "Application", name="creditlab", version=version)
    dictionary = SubElement(root, "DataDictionary", numberOfFields=str(len(fields)))
    for field, spec in fields.items():
        optype, kind = TYPES[spec.form]
        SubElement(dictionary, "DataField", name=_text(field), optype=optype, dataType=kind)
    derived = SubElement(root, "TransformationDictionary")
    for spec in fields.values():
        derived.extend(_derived(spec))
    card = SubElement(
        root, "Scorecard", modelName=_text(name), functionName="regression", algorithmName="creditlab",
        initialScore=str(int(once)), useReasonCodes=str(bool(specs)).lower(), reasonCodeAlgorithm="pointsBelow",
        baselineMethod="mean",
    )  # fmt: skip
    schema = SubElement(card, "MiningSchema")
    for field in fields:
        SubElement(schema, "MiningField", name=_text(field), usageType="active", invalidValueTreatment="asIs")
    _add_output(card, taken=set(fields), reasons=min(REASON_CODES, len(specs)))
    listed = SubElement(card, "Characteristics")
    for spec in specs:
        _add_characteristic(listed, spec, points[spec.name], baseline[spec.name], labels[spec.name])
    if not specs:
        _add_constant(listed)
    indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _add_output(card: Element, taken: set[str], reasons: int) -> None:
    def free(name: str) -> str:
        return free("_" + name) if name in taken else name

    output = SubElement(card, "Output")
    SubElement(
        output, "OutputField", name=free("points"), optype="continuous", dataType="double", feature="predictedValue"
    )
    for rank in range(1, reasons + 1):
        SubElement(
            output, "OutputField", name=free(f"reason_{rank}"), optype="categorical", dataType="string",
            feature="reasonCode", rank=str(rank),
        )  # fmt: skip


def _add_characteristic(listed: Element, spec: BinSpec, points: np.ndarray, baseline: float, label: str) -> None:
    one = SubElement(
        listed, "Characteristic", name=_text(f"{spec.name} score"), reasonCode=_text(spec.name),
        baselineScore=repr(float(baseline)),
    )  # fmt: skip
    SubElement(one, "Extension", name="label", value=_text(label))
    for predicate, code in _conditions(spec):
        SubElement(one, "Attribute", partialScore=str(int(points[spec.targets[code]]))).append(predicate)


def _add_constant(listed: Element) -> None:
    """A card without a characteristic still needs one: it gives everyone 0."""
    one = SubElement(listed, "Characteristic", name="(none)")
    SubElement(SubElement(one, "Attribute", partialScore="0"), "True")


def _conditions(spec: BinSpec) -> list[Condition]:
    """Predicates in the order in which they are tried, each with the number of its bin before joins."""
    if spec.sides:
        return list(_cross_conditions(spec))
    return list({"text": _text_conditions, "flag": _flag_conditions}.get(spec.form, _range_conditions)(spec))


def _cross_conditions(spec: BinSpec) -> Iterable[Condition]:
    """Every pair of conditions of the two sides. The pair of the first that hold comes before any other that does."""
    first, second = (_conditions(side) for side in spec.sides)
    names = _cell_codes(spec)
    for one, i in first:
        for two, j in second:
            both = Element("CompoundPredicate", booleanOperator="and")
            both.extend([one, two])
            yield both, int(names[spec.sides[0].targets[i], spec.sides[1].targets[j]])


def _cell_codes(spec: BinSpec) -> np.ndarray:
    from creditlab.binning.cross import cell_names

    names = cell_names(spec.sides)
    return spec.raw_codes(pd.Series(names.reshape(-1))).reshape(names.shape)


def _range_conditions(spec: BinSpec) -> Iterable[Condition]:
    yield _is_missing(spec.name), spec.missing
    for k, (code, _) in enumerate(spec.special):
        yield _simple(spec.name, "equal", _end(spec, float(code))), spec.regular + k
    for k, cut in enumerate(spec.cuts):
        yield _simple(spec.name, "lessThan", _end(spec, cut)), k
    yield Element("True"), spec.regular - 1


def _flag_conditions(spec: BinSpec) -> Iterable[Condition]:
    no, yes = spec.raw_codes(pd.Series([False, True])).tolist()
    yield _is_missing(spec.name), spec.missing
    yield _simple(spec.name, "equal", "true"), yes
    yield Element("True"), no


def _text_conditions(spec: BinSpec) -> Iterable[Condition]:
    trimmed = _trimmed(spec.name)
    yield _is_missing(spec.name), spec.missing
    yield _simple(trimmed, "equal", ""), spec.missing
    for k, (code, _) in enumerate(spec.special):
        yield _simple(trimmed, "equal", str(code)), spec.regular + k
    for k, levels in enumerate(spec.groups):
        yield _one_of(trimmed, levels), k
    for k in sorted({group for _, group in spec.parents}):
        yield _one_of(_unit(spec.name), [unit for unit, group in spec.parents if group == k]), k
    yield Element("True"), spec.size - 1


def _one_of(field: str, values: Sequence[str]) -> Element:
    """One comparison for each value: unlike the values of an array they need no escaping of their own."""
    if len(values) == 1:
        return _simple(field, "equal", values[0])
    one = Element("CompoundPredicate", booleanOperator="or")
    one.extend([_simple(field, "equal", value) for value in values])
    return one


def _simple(field: str, operator: str, value: str) -> Element:
    return Element("SimplePredicate", field=_text(field), operator=operator, value=_text(value))


def _is_missing(field: str) -> Element:
    return Element("SimplePredicate", field=_text(field), operator="isMissing")


def _end(spec: BinSpec, cut: float) -> str:
    if spec.form == "date":
        return (EPOCH + timedelta(microseconds=int(np.ceil(cut * 86_400e6)))).isoformat()
    return repr(float(cut))


def _trimmed(name: str) -> str:
    return f"{name} trimmed"


def _unit(name: str) -> str:
    return f"{name} unit"


def _derived(spec: BinSpec) -> Iterable[Element]:
    """The text without white space around it, and its leading characters where they name a larger unit."""
    if spec.form != "text":
        return
    yield _applied(_trimmed(spec.name), "replace", spec.name, [("string", AROUND), ("string", NOTHING)])
    if spec.parents:
        yield _applied(_unit(spec.name), "substring", _trimmed(spec.name), [("integer", 1), ("integer", spec.prefix)])


def _applied(name: str, function: str, field: str, constants: Sequence[tuple[str, object]]) -> Element:
    made = Element("DerivedField", name=_text(name), optype="categorical", dataType="string")
    call = SubElement(made, "Apply", function=function)
    SubElement(call, "FieldRef", field=_text(field))
    for kind, value in constants:
        SubElement(call, "Constant", dataType=kind).text = str(value)
    return made


def _text(value: str) -> str:
    """A text that XML can hold."""
    if _NOT_XML.search(value):
        raise InputError(
            message(
                "names and levels of characters that XML can hold",
                ascii(_NOT_XML.search(value).group()),  # type: ignore[union-attr]
                "to_pmml",
                "Clean the column of control characters, and fit the card again.",
            )
        )
    return value

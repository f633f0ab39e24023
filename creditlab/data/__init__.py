"""Departments' tables become one credit file per household: contracts, reading, coverage, conflicts, sample county."""

from creditlab.data.county import County, read_county
from creditlab.data.crosswalk import make_crosswalk, reveal
from creditlab.data.household import HouseholdFile
from creditlab.data.identity import read_key
from creditlab.data.receipts import ReceiptReconciliation, reconcile_receipts
from creditlab.data.schema import TABLES, Table
from creditlab.data.sources import SourceTable, read_table
from creditlab.data.verification import CrossCheck, cross_check
from creditlab.data.world import World, make_county, write_county

__all__ = [
    "TABLES",
    "County",
    "CrossCheck",
    "HouseholdFile",
    "ReceiptReconciliation",
    "SourceTable",
    "Table",
    "World",
    "cross_check",
    "make_county",
    "make_crosswalk",
    "read_county",
    "read_key",
    "read_table",
    "reveal",
    "reconcile_receipts",
    "write_county",
]

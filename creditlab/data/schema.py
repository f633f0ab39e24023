"""The contracts of all tables of a county: `TABLES["deposits"]` is the contract of one.

Use it to read a county, to write one, and to look up what a column means and what may be done with it. It holds no data
and reads no file.
"""

from __future__ import annotations

from creditlab.data.tables.book import BOOK
from creditlab.data.tables.codes import codes_of
from creditlab.data.tables.contract import CLASSES, PORTS, PROVENANCE, Table
from creditlab.data.tables.departments import DEPARTMENTS
from creditlab.data.tables.order import order_of
from creditlab.data.tables.people import PEOPLE
from creditlab.data.tables.places import PLACES
from creditlab.data.tables.ranges import range_of

__all__ = ["CLASSES", "PORTS", "PROVENANCE", "TABLES", "Table", "codes_of", "order_of", "range_of"]

#: All tables of a county by name.
TABLES: dict[str, Table] = {table.name: table for table in (*PLACES, *PEOPLE, *BOOK, *DEPARTMENTS)}

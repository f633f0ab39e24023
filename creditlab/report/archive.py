"""Office files with the same bytes for the same content: no clock inside.

A workbook or a Word document is a zip of XML parts. The libraries that write them put the time of writing into the zip
and into the document's properties; here both become the time of the report.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from creditlab.files import whole_file
from creditlab.results import made_at

#: the earliest date that a zip can hold
EPOCH = (1980, 1, 1, 0, 0, 0)
_TIMES = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(<)")


@contextmanager
def same_archive(path: str | PathLike[str]) -> Iterator[Path]:
    """A temporary path for an Office file; it becomes `path`, its times replaced, when the block ends without error."""
    with whole_file(path) as whole, whole_file(whole.parent / f"draft-{whole.name}") as draft:
        yield draft
        with zipfile.ZipFile(draft) as written, zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as same:
            for name in written.namelist():
                content = written.read(name)
                if name == "docProps/core.xml":
                    content = _TIMES.sub(rb"\g<1>" + made_at().encode() + rb"\g<2>", content)
                entry = zipfile.ZipInfo(name, EPOCH)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
                same.writestr(entry, content)

"""Count the records of real search exports by our readers and by others.

    python benchmarks/formats.py FOLDER

The files are those of others, and not part of this repository; `formats.md` says where they are.
The other counts are those of rispy (RIS), pybtex (BibTeX), pandas (tables), ElementTree (EndNote's
XML, PubMed's XML, MODS), json (JSON), and of the tag that begins a record (PubMed, Web of Science).
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections import defaultdict
from pathlib import Path

import defusedxml.ElementTree
import pandas as pd
import rispy
from pybtex.database import parse_string

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing.search import SearchExport, read_records
from analysis_lib.importing.texts import decode, read_bytes
from analysis_lib.importing.workbooks import is_workbook

BEGINS = {
    "MEDLINE (PubMed)": r"^PMID ?-",
    "Web of Science": r"^PT ",
    "EndNote (refer)": r"^%0 ",
}


#: The elements of a record in XML.
ELEMENTS = {
    "EndNote XML": ("record",),
    "PubMed XML": ("PubmedArticle", "PubmedBookArticle"),
    "MODS": ("{http://www.loc.gov/mods/v3}mods",),
}


def counted_by_others(export: SearchExport, path: Path) -> int | None:
    """Return how many records another reader finds; nothing where it refuses the file."""
    content = read_bytes(path)
    text = "" if is_workbook(content) else decode(content).text
    try:
        if is_workbook(content):
            return len(pd.read_excel(path, dtype="str"))
        if export.format == "RIS":
            return len(rispy.loads(text, skip_unknown_tags=True))
        if export.format == "BibTeX":
            return len(parse_string(text, "bibtex").entries)
        if export.format in ELEMENTS:
            root = defusedxml.ElementTree.fromstring(text)
            return sum(1 for name in ELEMENTS[export.format] for _ in root.iter(name))
        if export.format == "JSON":
            return len(json.loads(text))
        if export.format in BEGINS:
            return len(re.findall(BEGINS[export.format], text, re.MULTILINE))
        return len(pd.read_csv(io.StringIO(text), sep=None, engine="python", dtype="str"))
    except Exception:  # whatever a reader of others raises is a refusal
        return None


def main(folder: Path) -> None:
    """Print a row a format, and a line for each file that differs."""
    rows: dict[str, list[tuple[str, int, int | None]]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        try:
            export = read_records(path)
        except ReviewError as error:
            print(f"refused: {path.name}: {str(error)[:200]}")
            continue
        others = counted_by_others(export, path)
        rows[export.format].append((path.name, len(export), others))
        if others != len(export):
            print(f"differs: {path.name}: {len(export)} here, {others} by another reader")
    print("| format | files | records | files that another reader reads | same count |")
    print("|---|---:|---:|---:|---:|")
    for name, found in sorted(rows.items()):
        compared = [(ours, theirs) for _, ours, theirs in found if theirs is not None]
        same = sum(ours == theirs for ours, theirs in compared)
        total = sum(ours for _, ours, _ in found)
        print(f"| {name} | {len(found)} | {total:,} | {len(compared)} | {same} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""From people's spreadsheets and search exports to the tables of a review.

`spreadsheets` reads files as text, `extraction` results by arm, `records` the exports of a search;
`filling` writes what was read into the tables, or says why not.
"""

from analysis_lib.importing.extraction import ArmResult, ImportedResults, import_results
from analysis_lib.importing.records import (
    Deduplication,
    Record,
    ScreeningAgreement,
    deduplicate,
    read_records,
    screening_agreement,
)

__all__ = [
    "ArmResult",
    "Deduplication",
    "ImportedResults",
    "Record",
    "ScreeningAgreement",
    "deduplicate",
    "import_results",
    "read_records",
    "screening_agreement",
]

"""From people's spreadsheets and search exports to the tables of a review.

`spreadsheets` reads files as text, `extraction` results by arm, `search` the exports of a search;
`filling` writes what was read into the tables, or says why not.
"""

from analysis_lib.importing.extraction import ArmResult, ImportedResults, import_results
from analysis_lib.importing.search import Record, SearchExport, read_records
from analysis_lib.importing.search.agreement import ScreeningAgreement, screening_agreement
from analysis_lib.importing.search.duplicates import Deduplication, deduplicate

__all__ = [
    "ArmResult",
    "Deduplication",
    "ImportedResults",
    "Record",
    "ScreeningAgreement",
    "SearchExport",
    "deduplicate",
    "import_results",
    "read_records",
    "screening_agreement",
]

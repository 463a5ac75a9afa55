from analysis_lib.importing.extraction import (
    ArmResult,
    Difference,
    ImportedResults,
    import_results,
)
from analysis_lib.importing.search import Record, SearchExport, read_records
from analysis_lib.importing.search.agreement import ScreeningAgreement, screening_agreement
from analysis_lib.importing.search.duplicates import Deduplication, deduplicate

__all__ = [
    "ArmResult",
    "Deduplication",
    "Difference",
    "ImportedResults",
    "Record",
    "ScreeningAgreement",
    "SearchExport",
    "deduplicate",
    "import_results",
    "read_records",
    "screening_agreement",
]

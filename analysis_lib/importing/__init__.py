"""From people's spreadsheets and search exports to the tables of a review.

`spreadsheets` reads files as text, `extraction` results by arm, `search` the exports of a search;
`filling` writes what was read into the tables, or says why not.
"""

from analysis_lib.base.lazy import attach

__getattr__, __dir__ = attach(__name__, __file__)

"""Audit of printed results: what the numbers of a published meta-analysis say about each other.

`rows` reads the printed numbers, `results` holds the rules for one result, `tables` those between
results and tables; `auditing` applies them all.
"""

from analysis_lib.printed.audit.auditing import RULES, Audit, Finding, audit

__all__ = ["RULES", "Audit", "Finding", "audit"]

"""A review as checked data: tables, risk of bias, and which comparisons they give."""

"""Budgets in work: what is tried in the time or work that is declared, decided once and recorded, so that a rerun does the same."""

"""The gate against columns that know the outcome."""

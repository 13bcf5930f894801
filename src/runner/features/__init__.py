"""Room 3: from contract columns to features, fitted inside each fold, with a leakage gate."""

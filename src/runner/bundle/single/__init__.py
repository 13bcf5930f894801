"""A recipe on single rows, as a service is asked for them: plain functions where they give what Polars gives to the bit."""

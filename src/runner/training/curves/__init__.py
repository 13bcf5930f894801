"""What more rows and what more work would bring."""

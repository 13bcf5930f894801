"""Databases: one file per engine, each gives the rows of one query as a stream of frames."""

"""The kernel that every room stands on: expressions, files, digests, faults, progress, seeds, registry."""

"""What differs between two versions of a table. Beside the rooms, so that a change here never runs one of them again."""

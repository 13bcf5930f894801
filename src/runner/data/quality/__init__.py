"""What is worth knowing of the rows before anybody learns from them: each check gives findings."""

"""HTML, plots, tables and numbers for people; knows files and words, no room."""

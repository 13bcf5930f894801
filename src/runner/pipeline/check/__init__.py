"""What can be told before a run: the sources as found, whether there is enough, what it costs, what is re-used."""

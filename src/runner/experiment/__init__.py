"""From config files to one frozen experiment, with every fault told at once."""

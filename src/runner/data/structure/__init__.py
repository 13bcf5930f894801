"""An order in time and groups that rows show and a split ignores: found in the training rows, with figures and the lines of config that mend it."""

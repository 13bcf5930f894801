"""The proposal that nobody is asked about: what `fit` trains, with every column in use and a stand-in for what a decision is worth."""

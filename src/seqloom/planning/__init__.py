"""From data and what is asked for to a whole plan of a run, every choice with its reason."""

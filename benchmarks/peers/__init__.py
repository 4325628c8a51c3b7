"""The peers of `speed.py`: how each is installed, configured and driven. Nothing of theirs is kept here."""

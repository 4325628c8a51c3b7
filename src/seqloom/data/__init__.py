"""Pairs of texts, and where they come from: files, streams, what Python holds them in → rows."""

"""Sounds as sources: found, heard, varied."""

"""A trained model as a folder that runs without torch; see `seqloom.manifest` for what is in it."""

from seqloom.export.folder import Report, export

__all__ = ["Report", "export"]

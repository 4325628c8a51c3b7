"""onnxruntime, which no other module imports: before it is loaded it is told to send no telemetry, for afterwards is too late.

Version 1.32 otherwise tells Microsoft of its use on Linux too, and writes into ~/.cache/Microsoft/DeveloperTools.
"""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # a value that is there is the user's own, and stays

import onnxruntime

__all__ = ["onnxruntime"]

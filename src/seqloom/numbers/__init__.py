"""Targets that are numbers: tables over time, arrays, their windows, plans, forecasts and runs."""

"""The network: everything made of torch. It knows the config, not files, fields or search.

Axes, everywhere in the project: B batch, S source positions, T target positions, D model width, E encoder width, H heads,
V vocabulary, L layers, K beam, N = B·K rows in a search. Masks are True where something real stands.
"""

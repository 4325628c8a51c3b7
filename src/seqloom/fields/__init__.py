"""What values become for a network and back: texts, tokens, frames; their vocabularies."""

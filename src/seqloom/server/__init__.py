"""Models over HTTP: JSON in and out, requests that come together answered together, limits on all that a request may ask. No torch."""

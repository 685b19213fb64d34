"""The HTTP API, and the page that people watch."""

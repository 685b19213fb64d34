"""What may go from this machine: leftovers of downloads, models that nobody wants, and bytes stored twice."""

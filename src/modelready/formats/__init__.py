"""What bytes are: each module knows one format, reads as little as it can, and tells facts in words."""

"""Models that broke in ways people reported: each built for real, and refused by the check that should refuse it."""

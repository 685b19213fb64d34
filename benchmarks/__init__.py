"""What this project costs beside the programs it is measured against; `nox -s bench` runs it."""

"""What is the matter with this machine: looked at without bringing anything, and without leaving anything behind."""

"""The downloads asked for, running and done."""

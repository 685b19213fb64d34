"""What must be true of the models of a machine: one file a promise, one function a statement."""

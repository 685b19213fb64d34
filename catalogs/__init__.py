"""What a machine must hold: TOML, no code."""

"""Speaking to servers: one client, one judgement of their answers, one patience, for questions and for bytes alike."""

"""Columns in, meaning out: connections, TCP states, verdicts, the layers of one packet."""

"""Views on a terminal screen (Textual)."""

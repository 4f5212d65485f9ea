"""Views in files: text and JSON."""

"""What is shown, as plain values and words; screens and exports draw the same."""

"""One panel a file: each draws one view, adds its own keys, and tells the app what was chosen in it."""

"""The page for the browser: the exact landscape under the hand, in one file without outside addresses."""

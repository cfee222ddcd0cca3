"""Networks, and the plain functions around them. Knows nothing of the page or of the command line."""

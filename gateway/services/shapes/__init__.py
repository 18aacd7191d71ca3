"""Views as data, before they are written as JSON: one shape for ``--json`` of the commands and for the API."""

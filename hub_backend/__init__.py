"""The backend: the record of what happened, the plans, the screens and the reports."""

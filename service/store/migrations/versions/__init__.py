"""One revision of the schema a file. Alembic reads them by path; released ones never change."""

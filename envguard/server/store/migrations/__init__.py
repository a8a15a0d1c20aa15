"""How the tables of an older server become this one's: a chain of revisions, run by alembic's operations."""

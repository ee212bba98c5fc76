"""The engine that `DATABASES` names: Django's PostgreSQL, for servers that restart. Imports nothing of ours."""

"""PostgreSQL as we use it: backend and pool, bulk writes, group commit, keyset pages. Imports nothing of ours."""

"""The marketers' own pages of the admin: dashboard, statistics, live feed. Lists of rows are in `attribution.admin`."""

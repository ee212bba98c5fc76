"""`make run`: services, processes and the first logins, on one machine."""

"""What people do with send records: find, export, resend, hold, give up. Imports models and events."""

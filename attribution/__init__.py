"""Which ad brought a user, and telling the ad platform what that user did. Imports `foundation`."""

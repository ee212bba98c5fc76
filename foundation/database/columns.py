"""What columns of PostgreSQL can hold."""

# A bigint: ids of ad platforms have up to 19 digits, and what is larger than this is not one.
BIGINT_MAX = 2**63 - 1

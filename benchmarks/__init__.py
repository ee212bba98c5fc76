"""`make bench`: this backend beside what people would pick instead, on one machine, in one run (docs/benchmarks.md)."""

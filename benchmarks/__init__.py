"""Benchmarks: each module is a program with `main(arguments)` that prints what it measured on this machine."""

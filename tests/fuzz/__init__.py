"""Fuzzing of everything that reads bytes from strangers; README.md says how to run it. Imports nothing of the product,
for that must happen under atheris' instrumentation."""

"""Writes the model files of the present schema version."""

from tests.models import write

if __name__ == "__main__":
    write()

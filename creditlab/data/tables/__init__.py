"""The contracts of the tables, by area; `creditlab.data.schema` gathers them."""

"""HCL as Bake files have it: values, expressions, templates and functions; nothing is run."""

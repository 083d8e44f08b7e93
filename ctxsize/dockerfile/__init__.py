"""Reads Dockerfiles: text in, values out; nothing is executed and no file is opened.

`parse.parse_dockerfile` splits the text into instructions and stages, `context_need.context_need`
returns what a build of one target takes from its contexts.
"""

"""Reads Dockerfiles: text in, values out; nothing is executed and no file is opened.

`parse.parse_dockerfile` splits the text into instructions and stages, `taken.context_need` says
what a build of one target takes from its contexts.
"""

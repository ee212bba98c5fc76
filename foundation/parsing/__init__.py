"""Requests as clients really write them: compressed, in other charsets, with odd JSON. Imports no package of ours."""

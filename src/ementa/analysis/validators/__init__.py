"""Check digits, ranges and written forms of Brazilian documents, as pure functions: one file each, no I/O, no clock.

`parse_…` takes a text that holds just the value and gives its canonical form, or None when it breaks the rule that the
docstring cites. Readers find where such texts stand; these files say whether they can be true.
"""

"""One root cause, one code, one file. A rule's docstring is the page that ``netdoctor explain`` prints."""

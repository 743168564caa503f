"""The documentation site: docs/*.md as they stand, and the pages that are made from code and data.

    pages.py      explain's words as Markdown
    codes.py      the code reference: status codes, causes, providers, methods and more
    keys.py       the scenario reference: every key of scenario files and sipprobe.yaml
    samples.py    an example of each key, and what is said of a wrong value, by the loader itself
    since.py      with which version a key came
    verbs.py      the command line reference, from the commands themselves
    stories.py    a page for each scenario that is shipped
    links.py      links of the repository, as the site needs them
    source.py     all of it in one folder, with the table of contents
    __main__.py   `python -m docs.making`: Sphinx over that folder, warnings are errors

Nothing here knows Sphinx but conf.py and the command line that starts it
(docs/decisions/0026-the-documentation-site.md).
"""

"""One page for a browser that needs nothing else: no network, no file beside it.

Its script and style are allowed by their hashes alone, so that nothing that a container is called can run.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from html import escape
from importlib.resources import files

from netdoctor.maps.interface import BROKEN, HOLDS, MAPS, UNASKED, UNKNOWN, Arrow, Box, Picture
from netdoctor.maps.svg import CLASSES, STYLE, drawing
from netdoctor.version import __version__

_WORST_FIRST = (BROKEN, UNKNOWN, UNASKED, HOLDS)


class Page:
    def draw(self, picture: Picture, *, color: bool, width: int) -> str:
        style = STYLE + _text("page.css")
        script = _text("page.js")
        # In a script element only the end tag and a comment can do harm; "<" is written as an escape of JSON's own.
        data = json.dumps(_data(picture), ensure_ascii=True).replace("<", "\\u003c")
        policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'"
        counts = {says: sum(arrow.says == says for arrow in picture.arrows) for says in _WORST_FIRST}
        told = ", ".join(f"{number} {says}" for says, number in counts.items() if number) or "none declared"
        filters = "".join(
            f'<label class="filter"><input type="checkbox" checked data-says="{CLASSES[says]}"> '
            f"{says} ({counts[says]})</label>"
            for says in _WORST_FIRST
            if counts[says]
        )
        return _PAGE.format(
            policy=escape(policy, quote=True),
            title=escape(picture.title),
            style=style,
            told=escape(told),
            count=f"{len(picture.boxes)} containers, {len(picture.nets)} networks",
            filters=filters,
            connections=_connections(picture),
            svg=drawing(picture, "", interactive=True),
            table=_table(picture),
            data=data,
            script=script,
            version=escape(__version__),
        )


def _connections(picture: Picture) -> str:
    ordered = sorted(enumerate(picture.arrows), key=lambda each: _WORST_FIRST.index(each[1].says))
    return "".join(_connection(number, arrow) for number, arrow in ordered) or "<li>No connection is declared.</li>"


def _connection(number: int, arrow: Arrow) -> str:
    code = f" <b>{escape(arrow.causes[0].code)}</b>" if arrow.causes else ""
    return (
        f'<li class="{CLASSES[arrow.says]}" data-arrow="{number}"><button type="button" data-arrow="{number}" '
        f'aria-pressed="false"><span class="mark">{escape(arrow.says)}</span> {escape(arrow.label)}{code}</button></li>'
    )


def _table(picture: Picture) -> str:
    """What the drawing shows, for those who do not see it."""
    nets = {net.id: net for net in picture.nets}
    rows = []
    for box in picture.boxes:
        where = "; ".join(
            f"{nets[j.net].name} {' '.join(j.addresses)}{' as ' + ', '.join(j.aliases) if j.aliases else ''}"
            for j in box.joints
            if j.net in nets
        )
        cells = (box.name, box.state, where or box.note, box.image)
        rows.append(
            f'<tr><th scope="row">{escape(cells[0])}</th>{"".join(f"<td>{escape(c)}</td>" for c in cells[1:])}</tr>'
        )
    return "".join(rows)


def _data(picture: Picture) -> dict[str, object]:
    return {
        "arrows": [
            {
                "source": arrow.source,
                "target": arrow.target,
                "label": arrow.label,
                "says": arrow.says,
                "detail": arrow.detail,
                "causes": [
                    {
                        "code": cause.code,
                        "title": cause.title,
                        "sentence": cause.sentence,
                        "evidence": cause.evidence,
                        "fix": cause.fix,
                    }
                    for cause in arrow.causes
                ],
                "command": _command(picture, arrow),
            }
            for arrow in picture.arrows
        ],
        "boxes": [{"id": box.id, "words": _words(picture, box)} for box in picture.boxes],
    }


def _command(picture: Picture, arrow: Arrow) -> str:
    """What to type; only for names that a shell takes as they are."""
    import shlex

    source, target = picture.box(arrow.source), picture.box(arrow.target)
    if source is None or target is None or arrow.says != BROKEN:
        return ""
    verb = "fix" if any(cause.fix for cause in arrow.causes) else "check"
    return f"netdoctor {verb} {shlex.quote(source.name)} {shlex.quote(target.name)}"


def _words(picture: Picture, box: Box) -> str:
    """What a search finds it by, in lower case."""
    nets = {net.id: net.name for net in picture.nets}
    joints = [word for j in box.joints for word in (nets.get(j.net, ""), *j.addresses, *j.aliases)]
    return " ".join([box.name, box.image, box.state, box.note, *joints]).lower()


def _text(name: str) -> str:
    return files("netdoctor.maps").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>netdoctor map: {title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>{count}. Connections: {told}.</p>
<div class="tools" role="search">
<label for="search">Search</label>
<input id="search" type="search" autocomplete="off" spellcheck="false" placeholder="name, address, network">
<span role="status" id="found" aria-live="polite"></span>
<fieldset><legend>Show connections that are</legend>{filters}</fieldset>
</div>
</header>
<main>
<section class="picture" aria-label="Drawing" tabindex="0">
{svg}
</section>
<aside>
<section aria-labelledby="h-details"><h2 id="h-details">Details</h2>
<div id="details" aria-live="polite"><p>Choose a connection.</p></div></section>
<section aria-labelledby="h-connections"><h2 id="h-connections">Connections</h2>
<ul id="connections">{connections}</ul></section>
</aside>
<details class="table"><summary>Containers as a table</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Containers"><table>
<thead><tr><th scope="col">Container</th><th scope="col">State</th><th scope="col">Where</th>
<th scope="col">Image</th></tr></thead><tbody>{table}</tbody></table></div></details>
</main>
<footer><p>Drawn by netdoctor {version}. Rows are containers, blue lanes are networks, a dot is an endpoint.</p>
</footer>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""

MAPS.add("html", Page(), home=__name__)

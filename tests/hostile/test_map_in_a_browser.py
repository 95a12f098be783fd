"""The map's page of what a real engine lets an attacker write, in a real browser: nothing of it runs."""

from __future__ import annotations

import pytest
from cli.conftest import netdoctor
from maps.test_page_in_a_browser import browser

from .attack import SECRET

pytestmark = [pytest.mark.docker, pytest.mark.browser]
__all__ = ["browser"]

RUN = "window.evil=1;alert(1)"
SCRIPTS = (
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"</title></style></svg><img src=x onerror='{RUN}'>",
    f"'\"><svg/onload={RUN}><iframe srcdoc='<script>parent.{RUN}</script>'>",
    f"javascript:{RUN}//",
    "<!--<script>",
    "]]>&lt;&#x3c;{{7*7}}${alert(1)}",
    "<base href=http://127.0.0.1:9/><meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
    "<link rel=stylesheet href=//127.0.0.1:9/x><style>*{display:none}</style>",
)
BIDI = "\u202e\u2066txet\u2069\u200f \x1b[31m\x07\r\n"


@pytest.fixture(scope="module")
def page_of(module_lab, tmp_path_factory):
    """The page's file, and the names of a caller, a target and one apart."""
    near, far = module_lab.network(labels={"x": SCRIPTS[0]}), module_lab.network(labels={"y": BIDI})
    labels = {f"k{number}{text}": text for number, text in enumerate(SCRIPTS)}
    labels |= {"bidi": BIDI, "huge": "W" * 200_000, "com.docker.compose.service": SCRIPTS[2]}
    labels |= {"com.docker.compose.project": BIDI + SCRIPTS[1], "maintainer": SCRIPTS[3]}
    target = module_lab.container(networks=[far], aliases=[*SCRIPTS[:4], BIDI, "a" * 3000], labels=labels, word="db")
    env = {f"V{number}_URL": f"http://{target.name}:80{number}/{text}" for number, text in enumerate(SCRIPTS)}
    env |= {"HUGE_URL": f"http://{target.name}:6333/{'x' * 50_000}", "BIDI_HOST": f"{target.name}{BIDI}"}
    env |= {"API_URL": f"http://u:{SECRET}@{target.name}:9000/{SCRIPTS[1]}", "API_KEY": SECRET}
    app = module_lab.container(networks=[near], aliases=list(SCRIPTS[4:]), env=env, labels=labels, word="app")
    path = tmp_path_factory.mktemp("page") / "map.html"
    ended = netdoctor("map", "--format", "html", "-o", str(path), app.name, target.name)
    assert ended.status in (0, 1, 3), ended
    return path, app.name, target.name


def test_nothing_runs_nothing_is_asked_for_and_all_can_be_read(browser, page_of):
    path, app, target = page_of
    text = path.read_text("utf-8")
    assert SECRET not in text
    assert "&lt;script" in text or "\\u003cscript" in text, "nothing of the attack is in it"
    assert len(text) < 1_000_000
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    noted: list[str] = []
    try:
        page.set_default_timeout(30_000)
        page.on("console", lambda message: noted.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: noted.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (noted.append("dialog"), dialog.dismiss()))
        page.on("request", lambda asked: noted.append(asked.url) if not asked.url.startswith("file:") else None)
        page.on("framenavigated", lambda frame: noted.append(frame.url) if frame.url != path.as_uri() else None)
        page.goto(path.as_uri())
        for each in page.locator("svg .arrow").all():
            each.dispatch_event("click")
        for each in page.locator("#connections button").all()[:5]:
            each.click()
        said = page.inner_text("#details")
        assert app in said
        assert target in said
        for text in ("script", "\u202e", "\x1b", target):
            page.fill("#search", text)
        page.fill("#search", "")
        assert page.evaluate("window.evil ?? null") is None
        assert page.evaluate("document.scripts.length") <= 2
        assert page.locator("iframe, img, base, link, object, embed").count() == 0
        assert page.locator("#search").is_visible()
        shown = page.inner_text("body") + page.evaluate("document.querySelector('svg').textContent")
        assert not [char for char in shown if char in "\u202e\u2066\u2069\u200f\x1b\x07"]
        wide = "Array.from(document.querySelectorAll('svg text'), t => t.getBoundingClientRect().width)"
        assert max(page.evaluate(wide)) < 1400
        assert page.evaluate("document.documentElement.scrollWidth") <= 1400
    finally:
        page.close()
    assert noted == []

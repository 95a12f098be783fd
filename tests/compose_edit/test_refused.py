"""What is not edited: each with its reason, its line where there is one, and a next step."""

from __future__ import annotations

import pytest

from netdoctor.compose_edit import EditRefused, override_for, plan_join

S = "services:\n  web:\n    image: x\n"

# text, part of the reason, line, is an override file a way out
REFUSED: dict[str, tuple[str, str, int | None, bool]] = {
    "explicit null": (S + "    networks: ~\n", "explicit null", 4, False),
    "networks is a word": (S + "    networks: a\n", "neither a list nor a mapping", 4, False),
    "a list that names a network twice": (S + "    networks: [a, a]\n", "twice", 4, False),
    "a list of mappings": (S + "    networks:\n      - a: b\n", "not a list of names", 4, False),
    "network_mode host": (S + "    network_mode: host\n", "network_mode 'host'", 4, False),
    "network_mode none": (S + "    network_mode: none\n", "network_mode 'none'", 4, False),
    "network_mode bridge": (S + "    network_mode: bridge\n", "network_mode 'bridge'", 4, False),
    "network_mode container": (S + "    network_mode: container:vpn\n", "network_mode 'container:vpn'", 4, False),
    "network_mode that leads nowhere": (S + "    network_mode: service:web\n", "leads nowhere", 4, False),
    "network_mode of a missing service": (S + "    network_mode: service:vpn\n", "no service 'vpn'", 4, False),
    "network_mode by merge": (
        "x-c: &c\n  network_mode: host\nservices:\n  web:\n    <<: *c\n",
        "network_mode 'host'",
        4,
        False,
    ),
    "network_mode by extends": (
        "services:\n  b:\n    network_mode: host\n  web:\n    extends: b\n",
        "network_mode 'host'",
        4,
        False,
    ),
    "the body is anchored and used again": (
        "services:\n  web: &w\n    image: x\n  db:\n    <<: *w\n",
        "anchor &w is used again in line 5",
        2,
        True,
    ),
    "the body is anchored and is another service": (
        "services:\n  web: &w\n    image: x\n  db: *w\n",
        "anchor &w is used again in line 4",
        2,
        True,
    ),
    "the body is used again in another section": (
        "services:\n  web: &w\n    image: x\nx-copy: *w\n",
        "anchor &w is used again in line 4",
        2,
        True,
    ),
    "the body is an alias": ("x-w: &w\n  image: x\nservices:\n  web: *w\n", "is an alias", 4, True),
    "the networks are an alias": (
        "x-n: &n\n  - a\nservices:\n  web:\n    networks: *n\nnetworks:\n  a:\n",
        "are an alias",
        5,
        True,
    ),
    "the networks are anchored and used again": (
        "services:\n  web:\n    networks: &n\n      - a\n  db:\n    networks: *n\nnetworks:\n  a:\n",
        "anchor &n is used again in line 6",
        3,
        True,
    ),
    "the service comes through a merge": (
        "x-s: &s\n  web:\n    image: x\nservices:\n  <<: *s\n",
        "comes into the file through a merge",
        4,
        True,
    ),
    "the service is a base for another": (S + "  db:\n    extends: web\n", "is the base of 'db'", 2, True),
    "the service is a base, long form": (
        S + "  db:\n    extends:\n      service: web\n",
        "is the base of 'db'",
        2,
        True,
    ),
    "the service is a base by the file's own name": (
        S + "  db:\n    extends:\n      file: ./compose.yml\n      service: web\n",
        "is the base of 'db'",
        2,
        True,
    ),
    "the base is in another file": (
        "services:\n  web:\n    extends:\n      file: base/b.yml\n      service: b\n",
        "not at hand",
        3,
        False,
    ),
    "the service extends itself": (
        "services:\n  web:\n    extends: b\n  b:\n    extends: web\n",
        "extends itself",
        3,
        False,
    ),
    "reset": (S + "    networks: !reset []\n", "!reset", 4, False),
    "override": (S + "    networks: !override\n      - a\n", "!override", 4, False),
    "reset of another setting of the service": (S + "    ports: !reset []\n", "!reset", 4, False),
    "a provider": ("services:\n  web:\n    provider:\n      type: x\n", "run by a provider", 3, False),
    "two documents": (S + "---\n" + S, "several YAML documents", 4, False),
    "a tab as indentation": ("services:\n\tweb:\n\t\timage: x\n", "a tab", 2, False),
    "a tab inside the indentation": ("services:\n  web:\n  \timage: x\n", "a tab", 3, False),
    "a no-break space": ("services:\n  web:\n    image: x\n\u00a0\u00a0\u00a0 command: y\n", "not a space", 4, False),
    "a duplicate key": (S + "    image: y\n", "twice in one mapping", 4, False),
    "a duplicate key somewhere else": (S + "x-a:\n  b: 1\n  'b': 2\n", "twice in one mapping", 6, False),
    "two merges in one mapping": (
        "x-a: &a {b: c}\nservices:\n  web:\n    <<: *a\n    <<: *a\n",
        "twice in one mapping",
        5,
        False,
    ),
    "a merge of a list": ("x-a: &a [b]\nservices:\n  web:\n    <<: *a\n    image: x\n", "not a mapping", 4, False),
    "the old format": ("web:\n  image: x\n", "no services section", None, False),
    "services is a list": ("services:\n  - web\n", "no services section", None, False),
    "a template: value": ("services:\n  web:\n    image: {{ image }}\n", "template", 3, False),
    "a template: key": ("services:\n  {{ name }}:\n    image: x\n", "template", 2, False),
    "a template: statement": (S + "{% if x %}\n  db:\n    image: y\n{% endif %}\n", "template", 4, False),
    "a template: Go": (S + "{{- if .x }}\n", "template", 4, False),
    "no YAML at all": ("services:\n  web: [\n", "not valid YAML", 3, False),
    "an empty file": ("", "empty", None, False),
    "only comments": ("# nothing\n", "empty", None, False),
    "a list": ("- a\n", "not a mapping", 1, False),
    "a service without settings": ("services:\n  web:\n  db:\n    image: x\n", "no settings", 2, False),
    "no such service": ("services:\n  db:\n    image: x\n", "no service 'web'", None, False),
    "the service is in an included file": ("include:\n  - b.yml\nservices: {}\n", "includes other files", None, False),
    "an anchor that contains itself": ("x-a: &a\n  b: *a\n" + S, "contains itself", 1, False),
    "top-level networks is a list": (S + "networks: [a]\n", "no mapping", 4, False),
    "top-level networks is an explicit null": (S + "networks: null\n", "no mapping", 4, False),
    "top-level networks is an alias": ("x-n: &n\n  a:\n" + S + "networks: *n\n", "are an alias", 6, True),
    "a stray byte order mark": (S + "    \ufeffcommand: x\n", "byte order mark", 4, False),
}


@pytest.mark.parametrize(("text", "reason", "line", "override"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(text: str, reason: str, line: int | None, override: bool) -> None:
    for data in (text.encode(), text.replace("\n", "\r\n").encode()):
        with pytest.raises(EditRefused) as caught:
            plan_join(data, "web", "shared")
        refused = caught.value
        assert reason in refused.reason
        assert refused.line == line
        assert refused.next_step.endswith((".", "none."))
        assert refused.override_helps is override
        if override:
            assert b"shared" in override_for(data, "web", "shared")


def test_a_tab_before_a_comment_is_named() -> None:
    with pytest.raises(EditRefused, match="line 4: a tab"):
        plan_join(b"services:\n  web:\n    image: x\n\t# c\n    command: y\n", "web", "shared")


def test_text_that_is_not_utf8_is_refused() -> None:
    for data in (S.encode("utf-16"), S.replace("x", "ü").encode("latin-1")):
        with pytest.raises(EditRefused, match="not UTF-8"):
            plan_join(data, "web", "shared")


@pytest.mark.parametrize("name", ["compose.yml.j2", "a/compose.yaml.tmpl", "compose.TPL"])
def test_the_extension_of_a_template_is_enough(name: str) -> None:
    with pytest.raises(EditRefused, match="template"):
        plan_join(S.encode(), "web", "shared", path=name)


@pytest.mark.parametrize("network", ["", " ", "a\nb", "host", "none", "bridge"])
def test_a_network_that_cannot_be_joined_is_refused(network: str) -> None:
    with pytest.raises(EditRefused):
        plan_join(S.encode(), "web", network)


@pytest.mark.parametrize("alias", ["", "a b", "-a", "a\n", "${X}"])
def test_an_alias_that_is_no_host_name_is_refused(alias: str) -> None:
    with pytest.raises(EditRefused):
        plan_join(S.encode(), "web", "shared", [alias])


def test_anchors_that_multiply_are_refused_quickly() -> None:
    bomb = "x0: &a0 [b, b]\n" + "".join(f"x{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)) + S
    with pytest.raises(EditRefused, match="expand without measure"):
        plan_join(bomb.encode(), "web", "shared")


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(EditRefused, match="too deep"):
        plan_join(b"a: " + b"[" * 20_000, "web", "shared")


def test_an_anchor_whose_users_replace_the_networks_does_not_leak() -> None:
    text = "services:\n  web: &w\n    image: x\n  db:\n    <<: *w\n    networks: [a]\nnetworks:\n  a:\n"
    assert b"- shared" in plan_join(text.encode(), "web", "shared").result


def test_whether_an_extends_means_this_file_is_told_by_its_name() -> None:
    text = (S + "  db:\n    extends:\n      file: compose.prod.yml\n      service: web\n").encode()
    with pytest.raises(EditRefused, match="is the base of 'db'"):
        plan_join(text, "web", "shared")
    with pytest.raises(EditRefused, match="is the base of 'db'"):
        plan_join(text, "web", "shared", path="/srv/app/compose.prod.yml")
    assert plan_join(text, "web", "shared", path="/srv/app/compose.yml").changed
    assert plan_join(text.replace(b"compose.prod.yml", b"base/compose.yml"), "web", "shared").changed


def test_no_sentence_of_a_refusal_shows_a_value() -> None:
    text = "services:\n  web:\n    environment:\n      PASSWORD: s3cret\n      PASSWORD: s3cret\n"
    with pytest.raises(EditRefused) as caught:
        plan_join(text.encode(), "web", "shared")
    assert "s3cret" not in str(caught.value) + caught.value.next_step

"""Each way a compose file is written, and exactly what joining one more network makes of it: the table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str
    before: str
    after: str
    """What `before` becomes, exactly."""
    service: str = "web"
    network: str = "shared"
    only_lines: bool = True


TOP = "\nnetworks:\n  shared:\n    external: true\n"
"""The new section behind the last line of a file."""
ABOVE = "networks:\n  shared:\n    external: true\n\n"
"""The new section above `services:`."""
A = "networks:\n  a:\n"
AB = "networks:\n  a:\n  b:\n"
MORE = "  shared:\n    external: true\n"

CASES = [
    Case(
        "no networks key: default is kept",
        "services:\n  web:\n    image: x\n",
        "services:\n  web:\n    image: x\n    networks:\n      - default\n      - shared\n" + TOP,
    ),
    Case(
        "empty flow list counts as default",
        "services:\n  web:\n    networks: []\n    image: x\n",
        "services:\n  web:\n    networks: [default, shared]\n    image: x\n" + TOP,
        only_lines=False,
    ),
    Case(
        "empty flow mapping counts as default",
        "services:\n  web:\n    networks: {}\n    image: x\n",
        "services:\n  web:\n    networks: {default: {}, shared: {}}\n    image: x\n" + TOP,
        only_lines=False,
    ),
    Case(
        "an empty networks key is filled",
        "services:\n  web:\n    image: x\n    networks:\n",
        "services:\n  web:\n    image: x\n    networks:\n      - default\n      - shared\n" + TOP,
    ),
    Case(
        "an empty networks key with a comment is filled below it",
        "services:\n  web:\n    networks: # none yet\n    image: x\n",
        "services:\n  web:\n    networks: # none yet\n      - default\n      - shared\n    image: x\n" + TOP,
    ),
    Case(
        "block list: one more item, no default",
        "services:\n  web:\n    networks:\n      - a\n    image: x\n" + A,
        "services:\n  web:\n    networks:\n      - a\n      - shared\n    image: x\n" + A + MORE,
    ),
    Case(
        "block list: dashes at the key's own column, wide gap",
        "services:\n  web:\n    networks:\n    -   a\n    image: x\n" + A,
        "services:\n  web:\n    networks:\n    -   a\n    -   shared\n    image: x\n" + A + MORE,
    ),
    Case(
        "block list: comments between and after stay where they are",
        "services:\n  web:\n    networks:\n      # first\n      - a # why\n      # after\n\n  db:\n    image: y\n" + A,
        "services:\n  web:\n    networks:\n      # first\n      - a # why\n      - shared\n      # after\n\n"
        "  db:\n    image: y\n" + A + MORE,
    ),
    Case(
        "block list: quoted items, an item on its own line",
        "services:\n  web:\n    networks:\n      - 'a'\n      -\n        b\n    image: x\n" + AB,
        "services:\n  web:\n    networks:\n      - 'a'\n      -\n        b\n      - shared\n    image: x\n" + AB + MORE,
    ),
    Case(
        "block mapping: a key without options behind the last option",
        "services:\n  web:\n    networks:\n      a:\n        ipv4_address: 10.1.0.9\n        aliases:\n          - w\n"
        "    image: x\n" + A,
        "services:\n  web:\n    networks:\n      a:\n        ipv4_address: 10.1.0.9\n        aliases:\n          - w\n"
        "      shared:\n    image: x\n" + A + MORE,
    ),
    Case(
        "block mapping: the last entry is null",
        "services:\n  web:\n    networks:\n      b: {priority: 5}\n      a:\n    image: x\n" + AB,
        "services:\n  web:\n    networks:\n      b: {priority: 5}\n      a:\n      shared:\n    image: x\n" + AB + MORE,
    ),
    Case(
        "flow list on one line",
        "services:\n  web:\n    networks: [ a, b ]\n" + AB,
        "services:\n  web:\n    networks: [ a, b, shared ]\n" + AB + MORE,
        only_lines=False,
    ),
    Case(
        "flow list on several lines, with comments: a whole line",
        "services:\n  web:\n    networks: [ # these\n      a, # one\n      b,\n    ]\n" + AB,
        "services:\n  web:\n    networks: [ # these\n      shared,\n      a, # one\n      b,\n    ]\n" + AB + MORE,
    ),
    Case(
        "flow list that begins beside its bracket: a whole line further down",
        "services:\n  web:\n    networks: [a,\n               b]\n" + AB,
        "services:\n  web:\n    networks: [a,\n               shared,\n               b]\n" + AB + MORE,
    ),
    Case(
        "flow mapping on one line: an empty mapping as value",
        "services:\n  web:\n    networks: {a: {aliases: [w]}}\n" + A,
        "services:\n  web:\n    networks: {a: {aliases: [w]}, shared: {}}\n" + A + MORE,
        only_lines=False,
    ),
    Case(
        "flow body of a service",
        "services:\n  web: {image: x}\n",
        "services:\n  web: {image: x, networks: [default, shared]}\n" + TOP,
        only_lines=False,
    ),
    Case(
        "flow top-level networks",
        "services:\n  web:\n    networks:\n      - a\nnetworks: {a: {}}\n",
        "services:\n  web:\n    networks:\n      - a\n      - shared\nnetworks: {a: {}, shared: {external: true}}\n",
        only_lines=False,
    ),
    Case(
        "the wanted network is declared already",
        "services:\n  web:\n    image: x\nnetworks:\n  shared:\n    external: true\n",
        "services:\n  web:\n    image: x\n    networks:\n      - default\n      - shared\n"
        "networks:\n  shared:\n    external: true\n",
    ),
    Case(
        "the same network under another key: that key is used",
        "services:\n  web:\n    image: x\nnetworks:\n  front:\n    external: true\n    name: shared\n",
        "services:\n  web:\n    image: x\n    networks:\n      - default\n      - front\n"
        "networks:\n  front:\n    external: true\n    name: shared\n",
    ),
    Case(
        "the same network by the old external form",
        "services:\n  web:\n    image: x\nnetworks:\n  front:\n    external:\n      name: shared\n",
        "services:\n  web:\n    image: x\n    networks:\n      - default\n      - front\n"
        "networks:\n  front:\n    external:\n      name: shared\n",
    ),
    Case(
        "the key is taken by a network of the project",
        "services:\n  web:\n    image: x\nnetworks:\n  shared:\n    driver: bridge\n",
        "services:\n  web:\n    image: x\n    networks:\n      - default\n      - shared-external\n"
        "networks:\n  shared:\n    driver: bridge\n  shared-external:\n    external: true\n    name: shared\n",
    ),
    Case(
        "top-level networks is null: filled",
        "services:\n  web:\n    image: x\nnetworks:\n",
        "services:\n  web:\n    image: x\n    networks:\n      - default\n      - shared\nnetworks:\n" + MORE,
    ),
    Case(
        "network entries that are null: appended after",
        "services:\n  web:\n    networks: \n      - a\nnetworks:\n  a:\n  b:\n\nvolumes:\n  v:\n",
        "services:\n  web:\n    networks: \n      - a\n      - shared\nnetworks:\n  a:\n  b:\n"
        + MORE
        + "\nvolumes:\n  v:\n",
    ),
    Case(
        "network_mode service: the other service joins",
        "services:\n  web:\n    network_mode: service:vpn\n  vpn:\n    image: x\n",
        "services:\n  web:\n    network_mode: service:vpn\n  vpn:\n    image: x\n    networks:\n      - default\n"
        "      - shared\n" + TOP,
    ),
    Case(
        "merged networks are written out, because an own key replaces them",
        "x-c: &c\n  networks:\n    - a\nservices:\n  web:\n    <<: *c\n    image: x\n" + A,
        "x-c: &c\n  networks:\n    - a\nservices:\n  web:\n    <<: *c\n    image: x\n    networks:\n      - a\n"
        "      - shared\n" + A + MORE,
    ),
    Case(
        "merged networks with options are written out with them",
        "x-c: &c\n  networks:\n    a:\n      priority: 1000\n      aliases: ['x']\nservices:\n  web:\n    <<: *c\n"
        "    image: x\n" + A,
        "x-c: &c\n  networks:\n    a:\n      priority: 1000\n      aliases: ['x']\nservices:\n  web:\n    <<: *c\n"
        "    image: x\n    networks:\n      a:\n        priority: 1000\n        aliases:\n          - x\n"
        "      shared:\n" + A + MORE,
    ),
    Case(
        "a merge without networks is the ordinary case",
        "x-c: &c\n  restart: always\nservices:\n  web:\n    <<: *c\n",
        "x-c: &c\n  restart: always\nservices:\n  web:\n    <<: *c\n    networks:\n      - default\n      - shared\n"
        + TOP,
    ),
    Case(
        "a merge inside the networks mapping",
        "x-n: &n\n  a:\nservices:\n  web:\n    networks:\n      <<: *n\n    image: x\n" + A,
        "x-n: &n\n  a:\nservices:\n  web:\n    networks:\n      <<: *n\n      shared:\n    image: x\n" + A + MORE,
    ),
    Case(
        "the last value of the service is an alias",
        "x-e: &e\n  A: 1\nservices:\n  web:\n    environment: *e\n  db:\n    image: y\n",
        "x-e: &e\n  A: 1\nservices:\n  web:\n    environment: *e\n    networks:\n      - default\n      - shared\n"
        "  db:\n    image: y\n" + TOP,
    ),
    Case(
        "an anchor that nobody uses",
        "services:\n  web: &web\n    networks: &n\n      - a\n    image: x\n" + A,
        "services:\n  web: &web\n    networks: &n\n      - a\n      - shared\n    image: x\n" + A + MORE,
    ),
    Case(
        "extends a base with networks: only the new one",
        "services:\n  base:\n    image: x\n    networks: [a]\n  web:\n    extends: base\n" + A,
        "services:\n  base:\n    image: x\n    networks: [a]\n  web:\n    extends: base\n"
        "    networks:\n      - shared\n" + A + MORE,
    ),
    Case(
        "extends a base without networks: default as well",
        "services:\n  base:\n    image: x\n  web:\n    extends:\n      service: base\n",
        "services:\n  base:\n    image: x\n  web:\n    extends:\n      service: base\n    networks:\n      - default\n"
        "      - shared\n" + TOP,
    ),
    Case(
        "indentation of one space",
        "services:\n web:\n  image: x\n",
        "services:\n web:\n  image: x\n  networks:\n   - default\n   - shared\n\n"
        "networks:\n shared:\n  external: true\n",
    ),
    Case(
        "indentation of four spaces, dashes at the key",
        "services:\n    web:\n        ports:\n        - 80:80\n",
        "services:\n    web:\n        ports:\n        - 80:80\n        networks:\n        - default\n        - shared\n"
        "\nnetworks:\n    shared:\n        external: true\n",
    ),
    Case(
        "mixed indentation: each place keeps its own",
        "services:\n  web:\n      image: x\n  db:\n   image: y\nnetworks:\n    a:\n",
        "services:\n  web:\n      image: x\n      networks:\n          - default\n          - shared\n"
        "  db:\n   image: y\nnetworks:\n    a:\n    shared:\n      external: true\n",
    ),
    Case(
        "comments at the end of a service and of the file",
        "services:\n  web:\n    image: x # pinned\n    # ports:\n    #   - 80\n\n  db:\n    image: y\n# the end\n",
        "services:\n  web:\n    image: x # pinned\n    networks:\n      - default\n      - shared\n    # ports:\n"
        "    #   - 80\n\n  db:\n    image: y\n# the end\n" + TOP,
    ),
    Case(
        "blank lines between services stay between them",
        "services:\n  web:\n    image: x\n\n\n  db:\n    image: y\n\n",
        "services:\n  web:\n    image: x\n    networks:\n      - default\n      - shared\n\n\n  db:\n    image: y\n\n"
        "networks:\n  shared:\n    external: true\n",
    ),
    Case(
        "quoted keys",
        '"services":\n  \'web\':\n    "image": x\n    "networks":\n      - a\n\'networks\':\n  "a":\n',
        '"services":\n  \'web\':\n    "image": x\n    "networks":\n      - a\n      - shared\n\'networks\':\n  "a":\n'
        "  shared:\n    external: true\n",
    ),
    Case(
        "document start and end",
        "---\nservices:\n  web:\n    image: x\n...\n",
        "---\nservices:\n  web:\n    image: x\n    networks:\n      - default\n      - shared\n" + TOP + "...\n",
    ),
    Case(
        "no final line break: everything goes above the last line",
        "services:\n  web:\n    image: x\n    restart: always",
        ABOVE + "services:\n  web:\n    image: x\n    networks:\n      - default\n      - shared\n    restart: always",
    ),
    Case(
        "no final line break, a list at the end: before its last item",
        "services:\n  web:\n    image: x\n    networks:\n      - a\n      - b",
        ABOVE + "services:\n  web:\n    image: x\n    networks:\n      - a\n      - shared\n      - b",
    ),
    Case(
        "no final line break, networks section at the end: before its last entry",
        "services:\n  web:\n    networks: \n      - a\nnetworks:\n  a:\n  b: {}",
        "services:\n  web:\n    networks: \n      - a\n      - shared\nnetworks:\n  a:\n" + MORE + "  b: {}",
    ),
    Case(
        "no final line break, the last line is a comment",
        "services:\n  web:\n    image: x\n# done",
        ABOVE + "services:\n  web:\n    image: x\n    networks:\n      - default\n      - shared\n# done",
    ),
    Case(
        "no final line break and nowhere else to go: the last line is touched, and still has none",
        "services:\n  web:\n    image: x\n    networks:",
        ABOVE + "services:\n  web:\n    image: x\n    networks:\n      - default\n      - shared",
        only_lines=False,
    ),
    Case(
        "the file ends without line break inside a clip block scalar",
        "services:\n  web:\n    image: x\n    command: |\n      one\n      two",
        ABOVE + "services:\n  web:\n    image: x\n    networks:\n      - default\n      - shared\n    command: |\n"
        "      one\n      two",
    ),
    Case(
        "blank lines behind a keep block scalar are its content",
        "services:\n  web:\n    command: |+\n      one\n\n\n",
        "services:\n  web:\n    command: |+\n      one\n\n\n    networks:\n      - default\n      - shared\n" + TOP[1:],
    ),
    Case(
        "blank lines behind a clip block scalar are not",
        "services:\n  web:\n    command: >\n      one\n\n\n  db:\n    image: y\n",
        "services:\n  web:\n    command: >\n      one\n    networks:\n      - default\n      - shared\n\n\n  db:\n"
        "    image: y\n" + TOP,
    ),
    Case(
        "a header comment stays on top, a section's comment with its section",
        "# made by hand\n\nversion: '3'\n# the services\nservices:\n  web:\n    image: x",
        "# made by hand\n\nversion: '3'\n" + ABOVE + "# the services\nservices:\n  web:\n    networks:\n"
        "      - default\n      - shared\n    image: x",
    ),
    Case(
        "JSON on one line",
        '{"services": {"web": {"image": "x"}}}',
        '{"services": {"web": {"image": "x", "networks": ["default", "shared"]}}, '
        '"networks": {"shared": {"external": true}}}',
        only_lines=False,
    ),
    Case(
        "JSON on several lines: whole lines, everything quoted",
        '{\n  "services": {\n    "web": {\n      "image": "x"\n    }\n  }\n}\n',
        '{\n  "networks": {"shared": {"external": true}},\n  "services": {\n    "web": {\n'
        '      "networks": ["default", "shared"],\n      "image": "x"\n    }\n  }\n}\n',
    ),
    Case(
        "JSON indented by tabs",
        '{\n\t"services": {\n\t\t"web": {\n\t\t\t"image": "x"\n\t\t}\n\t}\n}\n',
        '{\n\t"networks": {"shared": {"external": true}},\n\t"services": {\n\t\t"web": {\n'
        '\t\t\t"networks": ["default", "shared"],\n\t\t\t"image": "x"\n\t\t}\n\t}\n}\n',
    ),
    Case(
        "a name that YAML reads as a boolean is quoted",
        "services:\n  web:\n    image: x\n",
        'services:\n  web:\n    image: x\n    networks:\n      - default\n      - "on"\n\nnetworks:\n  "on":\n'
        "    external: true\n",
        network="on",
    ),
    Case(
        "a name that YAML reads as a number is quoted",
        "services:\n  web:\n    image: x\n",
        'services:\n  web:\n    image: x\n    networks:\n      - default\n      - "1.0"\n\nnetworks:\n  "1.0":\n'
        "    external: true\n",
        network="1.0",
    ),
    Case(
        "a name that is no key: another key, and a dollar sign is kept from Compose's variables",
        "services:\n  web:\n    image: x\n",
        "services:\n  web:\n    image: x\n    networks:\n      - default\n      - my-net\n\nnetworks:\n  my-net:\n"
        '    external: true\n    name: "my net$$"\n',
        network="my net$",
    ),
    Case(
        "braces in quoted values are no template",
        "services:\n  web:\n    hostname: '{{.Task.Name}}'\n",
        "services:\n  web:\n    hostname: '{{.Task.Name}}'\n    networks:\n      - default\n      - shared\n" + TOP,
    ),
    Case(
        "characters of several bytes before the edit",
        "services:\n  web:\n    image: 'ü😀'\n    labels: [\"日本\"]\n",
        "services:\n  web:\n    image: 'ü😀'\n    labels: [\"日本\"]\n    networks:\n      - default\n      - shared\n"
        + TOP,
    ),
    Case(
        "profiles, deploy, x- fields and the project's name are left alone",
        "name: p\nx-y: [1]\nservices:\n  web:\n    profiles: [p]\n    deploy:\n      replicas: 2\n",
        "name: p\nx-y: [1]\nservices:\n  web:\n    profiles: [p]\n    deploy:\n      replicas: 2\n    networks:\n"
        "      - default\n      - shared\n" + TOP,
    ),
    Case(
        "a service whose own networks are the empty answer to merged ones",
        "x-c: &c\n  networks: []\nservices:\n  web:\n    <<: *c\n    image: x\n",
        "x-c: &c\n  networks: []\nservices:\n  web:\n    <<: *c\n    image: x\n    networks:\n      - default\n"
        "      - shared\n" + TOP,
    ),
    Case(
        "a declared default that is another network does not matter",
        "services:\n  web:\n    image: x\nnetworks:\n  default:\n    name: other\n    external: true\n",
        "services:\n  web:\n    image: x\n    networks:\n      - default\n      - shared\nnetworks:\n  default:\n"
        "    name: other\n    external: true\n" + MORE,
    ),
    Case(
        "tags in another service are nobody's business here",
        "services:\n  web:\n    image: x\n  db:\n    image: y\n    ports: !reset []\n    networks: !override [a]\n" + A,
        "services:\n  web:\n    image: x\n    networks:\n      - default\n      - shared\n  db:\n    image: y\n"
        "    ports: !reset []\n    networks: !override [a]\n" + A + MORE,
    ),
]

"""Small projects, one for each thing that Compose does with files; the oracle judges what we make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Stack:
    """``files`` by path; ``use`` are merged, in order."""

    name: str
    files: Mapping[str, str]
    use: Sequence[str] = ("compose.yaml",)
    environment: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        for name, text in self.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode("utf-8", "surrogateescape"))
        return folder


def stack(
    name: str, text: str, use: Sequence[str] = ("compose.yaml",), env: Mapping[str, str] | None = None, **files: str
) -> Stack:
    """``text`` is compose.yaml; ``files`` are named with ``__`` for ``/`` and ``_DOT_`` for a dot."""
    more = {key.replace("__", "/").replace("_DOT_", "."): value for key, value in files.items()}
    return Stack(name, {"compose.yaml": text, **more}, use, env or {})


TWO = ("compose.yaml", "over.yaml")

GOOD = [
    stack("plain", "services:\n  a:\n    image: x\n  b:\n    image: y\n"),
    stack(
        "networks as list",
        """
services:
  a: {image: x, networks: [front, back]}
  b: {image: y, networks: [back]}
networks: {front: , back: }
""".replace("front: ,", "front: {},").replace("back: }", "back: {}}"),
    ),
    stack(
        "networks as mapping",
        """
services:
  a:
    image: x
    networks:
      front:
        aliases: [web, www]
        ipv4_address: 10.5.0.5
      back:
networks:
  front:
    ipam: {config: [{subnet: 10.5.0.0/16}]}
  back:
    internal: true
""",
    ),
    stack(
        "real names",
        """
name: shop
services:
  a: {image: x, networks: [one, two, three, default]}
networks:
  one: {name: the-one}
  two: {external: true}
  three: {name: third, external: true}
  default: {name: shared}
""",
    ),
    stack(
        "external in the old form",
        """
services:
  a: {image: x, networks: [net]}
networks:
  net: {external: {name: old}}
""",
    ),
    stack(
        "network modes",
        """
services:
  a: {image: x, network_mode: host}
  b: {image: x, network_mode: none}
  c: {image: x, network_mode: bridge}
  d: {image: x, network_mode: "service:e"}
  e: {image: x}
  f: {image: x, network_mode: "container:other"}
""",
    ),
    stack(
        "ports short",
        """
services:
  a:
    image: x
    ports: ["80", 8080:80, "127.0.0.1:8443:443", "53:53/udp", "9000-9002:9000-9002"]
  b:
    image: x
    ports: ["[::1]:81:81", "0.0.0.0:82:82", 3000-3001]
""",
    ),
    stack(
        "ports long",
        """
services:
  a:
    image: x
    ports:
      - {target: 80, published: 8080}
      - {target: 53, published: "53", protocol: udp, host_ip: 127.0.0.1, mode: host}
      - target: 90
""",
    ),
    stack(
        "environment forms",
        """
services:
  a:
    image: x
    environment: [A=1, "B=two words", C=, D, "E=a=b"]
  b:
    image: x
    environment: {A: 1, B: "x", C: "", D: , E: true, F: 1.50, G: 0x10, H: ~}
""".replace("D: ,", "D: null,"),
        env={"D": "from shell"},
    ),
    stack(
        "env files",
        """
services:
  a:
    image: x
    env_file: a.env
    environment: {B: own}
  b:
    image: x
    env_file: [a.env, {path: missing.env, required: false}, {path: b.env}]
""",
        a_DOT_env="A=1\nB=2\n# comment\nexport C='single $X'\nD=\"double $A \\n x\"\nE=plain # comment\n"
        "F=\n\nG=a#b\nH=$A-${B}\n",
        b_DOT_env='A=over\nI="several\nlines"\nJ=${MISSING:-dflt}\nK: colon\n',
    ),
    stack(
        "dot env",
        """
services:
  a:
    image: "x:${TAG}"
    environment: {A: "${A}", B: "${B:-b}", C: "${C-c}", D: "${D:+d}", E: "$$E", F: "${F:-${A}}", G: "pre${A}post"}
    hostname: ${HOST:-h}
""",
        env={"A": "shell"},
        _DOT_env="TAG=1.2\nA=file\nC=\nD=there\n",
    ),
    stack(
        "dollars that stay",
        """
services:
  a:
    image: x
    command: echo $(date) $! $5 '$' "$$HOME"
    environment: {A: "${A:-a{b}c}", B: "${B:-$${X}}", C: "x$"}
""",
    ),
    stack(
        "project name from env",
        'services:\n  a:\n    image: x\n    environment: {P: "${COMPOSE_PROJECT_NAME}"}\n',
        env={"COMPOSE_PROJECT_NAME": "given"},
    ),
    stack("project name in file", "name: ${N:-inner}\nservices:\n  a: {image: x}\n"),
    stack(
        "depends_on",
        """
services:
  a:
    image: x
    depends_on: [b, c]
  b:
    image: x
    depends_on:
      c: {condition: service_healthy}
      d: {condition: service_completed_successfully, restart: true}
      e: {condition: service_started, required: false}
  c: {image: x}
  d: {image: x}
  e: {image: x, profiles: [extra]}
""",
    ),
    stack(
        "health checks",
        """
services:
  a: {image: x, healthcheck: {test: curl -f http://localhost || exit 1, interval: 1m30s, retries: 3}}
  b: {image: x, healthcheck: {test: [CMD, redis-cli, ping], start_period: 10s}}
  c: {image: x, healthcheck: {disable: true}}
  d: {image: x, healthcheck: {test: [NONE]}}
  e: {image: x, healthcheck: {test: ["CMD-SHELL", "pg_isready -U $${USER}"]}}
""",
    ),
    stack(
        "commands",
        """
services:
  a: {image: x, command: sh -c 'echo "a b" && sleep 1', entrypoint: [/run, "-x"]}
  b: {image: x, command: [a, "b c"]}
  c: {image: x, entrypoint: /bin/tool --flag}
""",
    ),
    stack(
        "builds",
        """
services:
  a: {build: ./app}
  b: {build: {context: app, dockerfile: Other, target: run, args: {A: 1, B: }}}
  c: {build: {context: app, args: [A=2, C]}, image: c}
""".replace("B: }", "B: null}"),
        env={"C": "see"},
        app__Dockerfile="FROM x\n",
        app__Other="FROM x AS run\n",
    ),
    stack(
        "names and hosts",
        """
services:
  a:
    image: x
    container_name: the-a
    hostname: host-a
    extra_hosts: ["one:10.0.0.1", "two=10.0.0.2", "host.docker.internal:host-gateway"]
    dns: 10.0.0.53
    labels: [traefik.enable=true, empty]
    expose: ["3000", "4000/udp", 5000-5002]
    links: [b, "b:bee"]
  b:
    image: x
    extra_hosts: {three: 10.0.0.3}
    dns: [10.0.0.53, 10.0.0.54]
    labels: {a.b: c, number: 1, yes: true}
""",
    ),
    stack(
        "profiles",
        "services:\n  a: {image: x, profiles: [one]}\n  b: {image: x, profiles: [one, two]}\n  c: {image: x}\n",
    ),
    stack(
        "anchors and merge keys",
        """
x-common: &common
  image: x
  environment: &env {A: 1, B: 2}
  networks: [back]
x-more: &more {hostname: more, labels: {from: more}}
services:
  a:
    <<: *common
    environment: {<<: *env, B: 3}
  b:
    <<: [*common, *more]
    labels: {own: "1"}
  c: *common
networks: {back: {}}
""",
    ),
    stack("a tagged merge", "x-a: &a {image: x}\nservices:\n  a:\n    !!merge <<: *a\n    hostname: h\n"),
    stack(
        "several documents",
        "services:\n  a: {image: x, ports: ['80:80']}\n---\n"
        "services:\n  a: {hostname: h, ports: ['81:81']}\n  b: {image: y}\n",
    ),
    stack("json", '{"services": {"a": {"image": "x", "ports": ["80:80"], "environment": {"A": 1}}}}\n'),
    stack("byte order mark", "\ufeffservices:\n  a: {image: x}\n"),
    stack("crlf", "services:\r\n  a:\r\n    image: x\r\n    command: |\r\n      one\r\n      two\r\n"),
    stack(
        "override of scalars and mappings",
        """
services:
  a: {image: x, hostname: one, environment: {A: 1, B: 2}, labels: [l=1], command: [a, b], healthcheck: {test: [CMD, a]}}
""",
        TWO,
        over_DOT_yaml="""
services:
  a: {hostname: two, environment: [B=3, C=4], labels: {l: 2, m: 3}, command: c d, healthcheck: {test: b, retries: 2}}
  b: {image: y}
""",
    ),
    stack(
        "override of lists",
        """
services:
  a: {image: x, ports: ["80:80"], expose: ["1"], dns: 10.0.0.1, profiles: [p], extra_hosts: ["a:1.1.1.1"]}
""",
        TWO,
        over_DOT_yaml="""
services:
  a: {ports: ["81:81", "80:80"], expose: ["2", "1"], dns: [10.0.0.2], profiles: [q], extra_hosts: ["b:2.2.2.2"]}
""",
    ),
    stack(
        "override of networks",
        """
services:
  a: {image: x, networks: [one]}
  b: {image: x, networks: {one: {aliases: [bee]}}}
  c: {image: x}
networks: {one: {}}
""",
        TWO,
        over_DOT_yaml="""
services:
  a: {networks: {two: {aliases: [ay]}}}
  b: {networks: {one: {aliases: [be]}, two: {}}}
  c: {networks: [two]}
networks: {two: {internal: true}, one: {driver: overlay}}
""",
    ),
    stack(
        "override of depends_on and build",
        """
services:
  a: {image: x, depends_on: [b], build: .}
  b: {image: x}
  c: {image: x}
""",
        TWO,
        over_DOT_yaml="""
services:
  a: {depends_on: {b: {condition: service_healthy}, c: {condition: service_started}}, build: {target: t, args: [A=1]}}
""",
    ),
    stack(
        "override resets",
        """
services:
  a: {image: x, ports: ["80:80"], environment: {A: 1, B: 2}, networks: [one], command: a, depends_on: [b]}
  b: {image: x, network_mode: host}
networks: {one: {}}
""",
        TWO,
        over_DOT_yaml="""
services:
  a: {ports: !reset [], environment: {A: !reset null}, networks: !override [two], depends_on: !reset []}
  b: {network_mode: !reset null}
networks: {two: {}}
""",
    ),
    stack(
        "override replaces ports",
        """
services:
  a: {image: x, ports: ["80:80"], environment: {A: 1}}
""",
        TWO,
        over_DOT_yaml="services:\n  a: {ports: !override ['8080:80'], environment: !override {B: 2}}\n",
    ),
    stack(
        "extends in one file",
        """
services:
  base: {image: x, environment: {A: 1, B: 2}, networks: [one], ports: ["80:80"], command: a, labels: {l: base}}
  a: {extends: base, environment: {B: 3}, networks: [two]}
  b: {extends: {service: a}, hostname: b, command: b}
networks: {one: {}, two: {}}
""",
    ),
    stack(
        "extends another file",
        """
services:
  a: {extends: {file: sub/base.yaml, service: base}, environment: {C: "${C}"}}
""",
        env={"C": "c"},
        sub__base_DOT_yaml="""
services:
  base: {extends: root, env_file: base.env, build: ctx}
  root: {image: x, hostname: "${H:-root}", environment: {A: 1}}
""",
        sub__base_DOT_env="FROM_FILE=1\n",
        sub__ctx__Dockerfile="FROM x\n",
    ),
    stack(
        "extends with resets",
        """
services:
  base: {image: x, ports: ["80:80"], environment: {A: 1}, depends_on: [b]}
  a: {extends: base, ports: !reset null, environment: !override {B: 2}, depends_on: !reset []}
  b: {image: x}
""",
    ),
    stack(
        "include",
        """
include:
  - sub/compose.yaml
  - path: [other/one.yaml, other/two.yaml]
    env_file: other/values.env
services:
  a: {image: x, depends_on: [db, o], networks: [default, back]}
""",
        sub__compose_DOT_yaml="""
services:
  db: {image: "pg:${TAG:-none}", networks: [back], env_file: db.env}
networks: {back: {}}
""",
        sub___DOT_env="TAG=from-sub\n",
        sub__db_DOT_env="D=1\n",
        other__one_DOT_yaml="services:\n  o: {image: '${O}', ports: ['1:1']}\n",
        other__two_DOT_yaml="services:\n  o: {hostname: two}\n",
        other__values_DOT_env="O=value\n",
    ),
    stack(
        "include in include, used over two files",
        """
include: [one.yaml]
services:
  a: {image: x}
""",
        TWO,
        over_DOT_yaml="services:\n  a: {hostname: over}\n",
        one_DOT_yaml="include: [two.yaml]\nservices:\n  one: {image: x}\n",
        two_DOT_yaml="services:\n  two: {image: x}\n",
    ),
    stack(
        "parent overrides what it includes",
        """
include: [one.yaml]
services:
  b: {image: x}
""",
        one_DOT_yaml="services:\n  one: {image: x, networks: [n]}\nnetworks: {n: {}}\n",
    ),
    stack(
        "two includes differ",
        "include: [one.yaml, two.yaml]\nservices:\n  a: {image: x}\n",
        one_DOT_yaml="services:\n  b: {image: x}\n",
        two_DOT_yaml="services:\n  b: {image: y}\n",
    ),
    stack(
        "parent adds to what it includes",
        """
include: [one.yaml]
services:
  one: {hostname: parent, environment: {B: 2}}
""",
        one_DOT_yaml="services:\n  one: {image: x, hostname: inner, environment: {A: 1, B: 1}}\n",
    ),
    stack(
        "x fields everywhere",
        """
x-top: {a: 1}
services:
  x-not-a-service: {image: x}
  a: {image: x, x-own: [1, 2], networks: {default: {x-n: 1}}}
networks: {default: {x-m: 2}}
""",
    ),
    stack(
        "scale and deploy",
        """
services:
  a: {image: x, scale: 2}
  b: {image: x, deploy: {replicas: 3, labels: [l=1]}}
""",
    ),
    stack("blank ports", "services:\n  a: {image: x, ports: ['${P:-8080}:80'], expose: ['${E:-90}']}\n"),
]

BAD = [
    stack("undefined network", "services:\n  a:\n    image: x\n    networks:\n      - back\n"),
    stack("undefined dependency", "services:\n  a: {image: x, depends_on: [b]}\n"),
    stack("circular dependency", "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n"),
    stack("mode and networks", "services:\n  a: {image: x, network_mode: host, networks: [n]}\nnetworks: {n: {}}\n"),
    stack("duplicate key", "services:\n  a: {image: x}\n  a: {image: y}\n"),
    stack("tab", "services:\n\ta: {image: x}\n"),
    stack("required variable", "services:\n  a: {image: '${A:?say it}'}\n"),
    stack("malformed variable", "services:\n  a: {image: '${A!}'}\n"),
    stack("missing env file", "services:\n  a: {image: x, env_file: no.env}\n"),
    stack("missing include", "include: [no.yaml]\nservices:\n  a: {image: x}\n"),
    stack(
        "include in a circle",
        "include: [one.yaml]\nservices:\n  a: {image: x}\n",
        one_DOT_yaml="include: [compose.yaml]\nservices:\n  b: {image: x}\n",
    ),
    stack("missing extends file", "services:\n  a: {extends: {file: no.yaml, service: b}}\n"),
    stack("missing extends service", "services:\n  a: {image: x, extends: b}\n"),
    stack("extends in a circle", "services:\n  a: {extends: b, image: x}\n  b: {extends: a}\n"),
    stack("old format", "web:\n  image: x\n"),
    stack("empty file", ""),
    stack("a list", "- a\n- b\n"),
    stack("services is a list", "services: [a, b]\n"),
    stack("a service is a text", "services:\n  a: x\n"),
    stack("no image", "services:\n  a: {hostname: h}\n"),
    stack("bad port", "services:\n  a: {image: x, ports: ['eighty:80']}\n"),
    stack("port too high", "services:\n  a: {image: x, ports: ['70000:80']}\n"),
    stack("unequal ranges", "services:\n  a: {image: x, ports: ['1-3:1-2']}\n"),
    stack("network twice", "services:\n  a: {image: x, networks: [default, default]}\n"),
    stack(
        "two of one container name",
        "services:\n  a: {image: x, container_name: n}\n  b: {image: x, container_name: n}\n",
    ),
    stack("mode of a missing service", "services:\n  a: {image: x, network_mode: 'service:b'}\n"),
    stack("not utf-8", "services:\n  a: {image: '\udcff\udcfe'}\n"),
    stack("healthcheck test", "services:\n  a: {image: x, healthcheck: {test: [curl, x]}}\n"),
    stack("anchor in itself", "services: &s\n  a: *s\n"),
]

"""The rules over compose files: each contradiction is found, at its line, and files without one are left alone."""

from __future__ import annotations

import contextlib
import os
import textwrap
from pathlib import Path

import pytest

from netdoctor.diagnosis.lint import CLAIM, declared_edges, lint
from netdoctor.model import Confidence, Report, Severity, Verdict
from netdoctor.rules.registry import RULES
from netdoctor.topology.compose import Unreadable, read_compose

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("NETDOCTOR_COMPOSE_CORPUS", ROOT.parent / "shared" / "corpus" / "compose"))


@pytest.fixture
def judge(tmp_path, monkeypatch):
    """Texts by file name, each a project of its own, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(text: str = "", **projects: str) -> Report:
        files = {**({"shop": text} if text else {}), **projects}
        for name, body in files.items():
            file = Path(name, "compose.yaml")
            file.parent.mkdir(exist_ok=True)
            file.write_text(textwrap.dedent(body), "utf-8")
        return lint(read_compose([[f"{name}/compose.yaml"] for name in files], environment={}))

    return run


def told(report: Report) -> list[tuple[str, int]]:
    """(code, line) of each finding that may fail a run, in order."""
    assert report.topology is not None
    found = []
    for finding in report.findings:
        if finding.confidence is Confidence.POSSIBLE or finding.severity is not Severity.ERROR:
            continue
        place = report.topology.place(*finding.about)
        assert place is not None
        found.append((finding.code, place.line))
    return found


INCIDENT = {
    "app": """\
        services:
          app:
            image: app
            environment:
              QDRANT_URL: http://qdrant:6333
            networks: [coolify]
        networks:
          coolify: {external: true}
        """,
    "qdrant": "services:\n  qdrant: {image: qdrant/qdrant}\n",
}


def test_the_incident_is_seen_before_it_is_deployed(judge):
    report = judge(**INCIDENT)
    assert told(report) == [("ND101", 5)]
    assert report.verdict is Verdict.BROKEN
    (finding,) = report.findings
    assert report.topology.place(*finding.about).file == "app/compose.yaml"
    assert "no network" in finding.cause
    text = finding.remedies[0].advice
    # Both networks: a list of its own drops default.
    assert "default: {}" in text
    assert "coolify: {external: true}" in text


def test_the_incident_with_its_permanent_fix_is_left_alone(judge):
    service = "services:\n  qdrant: {image: qdrant/qdrant, networks: [default, coolify]}\n"
    fixed = f"{service}networks: {{coolify: {{external: true}}}}\n"
    report = judge(app=INCIDENT["app"], qdrant=fixed)
    assert report.findings == ()
    assert (report.verdict, [edge.reason for edge in report.edges]) == (Verdict.HOLDS, [CLAIM])
    assert report.edges[0].label == "app-app-1 -> qdrant-qdrant-1:6333/healthz"


def test_what_the_remedy_says_makes_the_files_agree(judge):
    """Merged into the file it names, the advice of the finding ends it."""
    import yaml

    report = judge(**INCIDENT)
    lines = report.findings[0].remedies[0].advice.splitlines()
    name = lines[0].removeprefix("In ").removesuffix(":")
    Path("fix.yaml").write_text(textwrap.dedent("\n".join(lines[1:])) + "\n", "utf-8")
    assert yaml.safe_load(Path("fix.yaml").read_text("utf-8"))
    again = read_compose([["app/compose.yaml"], [name, "fix.yaml"]], environment={})
    assert told(lint(again)) == []


DROPPED = """\
    services:
      app:
        image: app
        environment: {DB_URL: "postgres://u:p@db/x"}
        networks: [proxy]
      db: {image: postgres}
    networks:
      proxy: {external: true}
    """


def test_a_dropped_default_is_told_at_the_list_that_dropped_it(judge):
    report = judge(DROPPED)
    assert told(report) == [("ND103", 5)]
    assert "ND101" in {each.code for each in report.findings[0].suppressed}


def test_a_dependency_without_a_common_network_is_only_likely(judge):
    report = judge("""\
        services:
          app: {image: app, depends_on: [db], networks: [front]}
          db: {image: postgres, networks: [back]}
        networks: {front: {}, back: {}}
        """)
    assert told(report) == [("ND101", 2)]
    assert report.findings[0].confidence is Confidence.LIKELY


@pytest.mark.parametrize(
    "text",
    [
        # Who waits for an end connects to nothing.
        """\
        services:
          app: {image: app, depends_on: {job: {condition: service_completed_successfully}}, networks: [front]}
          job: {image: job, networks: [back]}
        networks: {front: {}, back: {}}
        """,
        # An order of starting on the host's network, as mail servers have with their firewall's helper.
        """\
        services:
          app: {image: app, depends_on: [guard]}
          guard: {image: guard, network_mode: host}
        """,
        # A namespace that is shared needs no network.
        """\
        services:
          app: {image: app, network_mode: "service:vpn", depends_on: [vpn], environment: {API: "http://127.0.0.1:80"}}
          vpn: {image: vpn}
        """,
    ],
)
def test_an_order_of_starting_is_no_connection(judge, text):
    assert told(judge(text)) == []


def test_the_default_bridge_has_no_names(judge):
    text = """\
        services:
          app: {image: app, network_mode: bridge, environment: {R: "redis://cache:6379"}}
          cache: {image: redis, network_mode: bridge}
        """
    assert told(judge(text)) == [("ND104", 2)]
    assert told(judge(text.replace("image: app,", "image: app, links: [cache],"))) == []


def test_a_name_that_nobody_has(judge):
    report = judge("""\
        services:
          app:
            image: app
            environment:
              REDIS_URL: redis://reddis:6379
              CACHE_HOST: redis
          redis: {image: redis}
        """)
    assert told(report) == [("ND201", 5)]
    assert report.findings[0].confidence is Confidence.LIKELY
    assert "Use redis instead of reddis in REDIS_URL" in report.findings[0].remedies[0].advice


MISNAMED = """
services:
  app: {image: app, environment: {DATABASE_URL: "postgres://u:p@postgres:5432/x"}}
  db: {image: "postgres:16"}
"""


def test_a_wrong_name_means_the_only_service_of_its_kind(judge):
    report = judge(MISNAMED)
    assert [finding.code for finding in report.findings] == ["ND201"]
    assert "uses the name postgres, which nobody on its networks carries" in report.findings[0].cause


def test_a_name_that_nothing_in_the_files_has_is_told_whatever_its_network(judge):
    text = """
services:
  app: {image: app, environment: {REDIS_URL: "redis://redis:6379", API_URL: "http://api:80"}}
  inner: {image: app, environment: {REDIS_URL: "redis://redis:6379"}, networks: [x]}
  apis: {image: app}
networks: {x: {internal: true}}
"""
    report = judge(text)
    assert {finding.code for finding in report.findings} == {"ND201"} and len(report.findings) == 3
    assert report.findings[0].cause.endswith(
        "uses the name redis in REDIS_URL, and nothing that these files start is called that."
    )
    assert all(finding.confidence is Confidence.LIKELY for finding in report.findings)
    external = text.replace("{internal: true}", "{external: true}")
    assert [f.confidence for f in judge(external).findings] == [Confidence.LIKELY] * 2 + [Confidence.POSSIBLE]


def test_a_leftover_beside_the_right_name_means_nobody(judge):
    right = MISNAMED.replace("environment: {", 'environment: {PRIMARY_URL: "postgres://u:p@db:5432/x", ')
    assert judge(right).findings == ()


def test_a_name_that_somebody_on_an_external_network_may_have_is_only_possible(judge):
    report = judge("""\
        services:
          app: {image: app, environment: {REDIS_URL: "redis://reddis:6379"}, networks: [shared]}
          redis: {image: redis, networks: [shared]}
        networks: {shared: {external: true}}
        """)
    assert told(report) == []
    assert [(each.code, each.confidence) for each in report.findings] == [("ND201", Confidence.POSSIBLE)]
    assert report.verdict is Verdict.HOLDS


def test_the_hosts_port_used_inside(judge):
    text = """\
        services:
          app:
            image: app
            environment: [API=http://web:8080/v1]
          web: {image: web, ports: ["8080:80"]}
        """
    report = judge(text)
    assert told(report) == [("ND302", 4)]
    assert "port 80 instead of 8080 in API" in report.findings[0].remedies[0].advice
    for other in ('["8080:8080"]', '["8080:80", "8081:8080"]', '["8080:80"], expose: ["8080"]', '["8080:80/udp"]'):
        assert told(judge(text.replace('["8080:80"]', other))) == [], other


def test_two_that_meet_on_a_silent_network_only(judge):
    text = """\
        services:
          app: {image: app, environment: {R: "redis://cache"}, networks: [quiet]}
          cache: {image: redis, networks: [quiet]}
        networks:
          quiet: {driver_opts: {com.docker.network.bridge.enable_icc: "false"}}
        """
    assert told(judge(text)) == [("ND108", 5)]
    assert told(judge(text.replace('"false"', '"true"'))) == []


def test_host_networking_on_one_side(judge):
    report = judge("""\
        services:
          app: {image: app, network_mode: host, environment: {R: "redis://cache:6379"}}
          cache: {image: redis}
        """)
    assert told(report) == [("ND105", 2)]


HEALTHY = {
    "aliases": """\
        services:
          app: {image: a, environment: {DB_HOST: database, Q: "http://vec.internal:6333"}}
          db: {image: postgres, networks: {default: {aliases: [database]}}}
          q: {image: qdrant/qdrant, networks: {default: {aliases: [vec.internal]}}}
        """,
    "container names and host names": """\
        services:
          app: {image: a, environment: {A: "http://the-db:1", B: "http://named:1", C: "http://shop-db-1:1"}}
          db: {image: a, container_name: the-db, hostname: named}
          b: {image: a}
        """.replace(', C: "http://shop-db-1:1"', ""),
    "outside": """\
        services:
          app:
            image: a
            environment: {A: "https://api.example.com", MAIL_HOST: smtp.example.com, B: "http://10.1.2.3", C: "http://localhost:1"}
            extra_hosts: ["db:10.0.0.9"]
          other: {image: a}
        """,
    "a hosts file that wins": """\
        services:
          app: {image: a, environment: {A: "http://db:1"}, extra_hosts: ["db:10.0.0.9"], networks: [one]}
          db: {image: a, networks: [two]}
        networks: {one: {}, two: {}}
        """,
    "links with another name": """\
        services:
          app: {image: a, links: ["db:database"], environment: {DB_HOST: database}}
          db: {image: postgres}
        """,
    "internal network": """\
        services:
          app: {image: a, networks: [back], environment: {A: "http://db:5432"}}
          db: {image: postgres, networks: [back]}
        networks: {back: {internal: true}}
        """,
    "itself": "services:\n  app: {image: a, environment: {SELF: 'http://app:80'}, ports: ['8080:80']}\n",
    "variables without a value": """\
        services:
          app: {image: "a:${TAG}", environment: {A: "http://${HOST}:${PORT}", DB_HOST: "${DB}"}, ports: ["${P}:80"]}
          db: {image: postgres}
        """,
    "an address of its own, as a sample": """\
        services:
          seafile: {image: a, container_name: seafile, environment: {SEAFILE_SERVER_HOSTNAME: seafile.example.com}}
          memcached: {image: memcached, container_name: seafile-memcached}
        """,
    "empty by its own default": """\
        services:
          app: {image: a, depends_on: [redis], environment: {REDISHOST: "${REDISHOST:-}", R: "redis://redis"}}
          other: {image: a, depends_on: [redis], environment: ["REDIS_HOST=${REDIS_HOST-}"]}
          redis: {image: redis}
        """,
    "localhost for people": """\
        services:
          api: {image: a, environment: {WEB_URL: "http://localhost", REMOTE_INSTALL_HOST: "localhost:5003"}}
          web: {image: b, ports: ["80:80"]}
          daemon: {image: c, ports: ["5003:5003"]}
        """,
    "servers with a scheme, outside": """\
        services:
          mail: {image: a, environment: [MAIL_DEFAULT_HOST=ssl://imap.example.net, MAIL_DEFAULT_PORT=993]}
        """,
    "no connection at all": "services:\n  app: {image: a}\n  db: {image: postgres, networks: [n]}\nnetworks: {n: {}}\n",
    "names with a dot that a nameserver of that machine may have": """\
        services:
          app: {image: a, environment: {API_URL: "http://api.internal:8080", X_URL: "http://api.corp.example"}}
          api: {image: a}
        """,
    "a link to somebody of another project": """\
        services:
          app: {image: a, environment: {DB_URL: "postgres://database:5432/x"}, external_links: ["old_db_1:database"]}
        """,
    "where a program listens": """\
        services:
          app: {image: a, environment: {API_URL: "http://0.0.0.0:8080", API_LISTEN: "http://0.0.0.0:8080"}}
          app-worker: {image: a, environment: {HOST: 0.0.0.0, VHOST: app, ALLOWED_HOSTS: "app,localhost"}}
        """,
    "words that look like a service": """\
        services:
          app: {image: a, environment: {VIRTUAL_HOST: webs, SERVER_ADDRESS: appp, BIND_ADDR: 0.0.0.0}}
          webs-api: {image: a}
        """,
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_files_are_left_alone(judge, name):
    report = judge(HEALTHY[name])
    assert told(report) == []
    assert report.verdict is Verdict.HOLDS


def test_a_name_means_the_callers_own_project_first(judge):
    stack = "services:\n  app: {image: a, environment: {DB_HOST: db}}\n  db: {image: postgres}\n"
    report = judge(one=stack, two=stack)
    assert told(report) == []
    assert [edge.label for edge in report.edges] == ["one-app-1 -> one-db-1:5432", "two-app-1 -> two-db-1:5432"]


def test_one_cause_in_two_variables_is_one_finding(judge):
    report = judge("""\
        services:
          app: {image: app, environment: {A: "http://db:1", B: "http://db:2"}, networks: [one]}
          db: {image: db, networks: [two]}
        networks: {one: {}, two: {}}
        """)
    assert len(report.edges) == 2
    assert len(told(report)) == 1


def test_a_rule_that_needs_an_engine_is_skipped_by_name(judge):
    report = judge(HEALTHY["aliases"])
    assert {each.code: each.reason for each in report.skipped}["ND303"] == "needs a live engine"
    assert report.unjudged == ()


def test_only_and_skip(judge):
    judge(**INCIDENT)
    topology = read_compose([["app/compose.yaml"], ["qdrant/compose.yaml"]], environment={})
    assert lint(topology, skip=frozenset({"ND101"})).findings == ()
    assert [each.code for each in lint(topology, only=frozenset({"ND101"})).findings] == ["ND101"]


def test_no_remedy_speaks_of_containers_that_do_not_exist_yet(judge):
    for text in (DROPPED, HEALTHY["aliases"]):
        for finding in judge(text).findings:
            assert all(remedy.operations == () for remedy in finding.remedies)
            assert all(remedy.advice for remedy in finding.remedies)


def test_edges_say_where_they_come_from(judge):
    judge(HEALTHY["links with another name"])
    topology = read_compose([["shop/compose.yaml"]], environment={})
    (edge,) = declared_edges(topology)
    assert (edge.name, edge.port, edge.origin) == ("database", 5432, "environment DB_HOST")
    assert topology.places[edge.basis].line == 2


def test_the_incidents_first_failure_is_seen_in_the_files(judge):
    """The image's build loads code that throws without a variable which only the running container gets."""
    Path("shop", "lib").mkdir(parents=True)
    Path("shop/Dockerfile").write_text("FROM node:20\nCOPY . .\nRUN npm run build\n", "utf-8")
    Path("shop/package.json").write_text('{"scripts": {"build": "next build"}}', "utf-8")
    source = 'const url = process.env.QDRANT_URL;\nif (!url) {\n  throw new Error("QDRANT_URL is missing");\n}\n'
    Path("shop/lib/qdrant.ts").write_text(source, "utf-8")
    text = """\
        services:
          app: {build: ., environment: {QDRANT_URL: "http://qdrant:6333"}}
          qdrant: {image: qdrant/qdrant}
        """
    report = judge(text)
    assert told(report) == [("ND604", 3)]
    assert report.topology.place(*report.findings[0].about).file == "shop/Dockerfile"
    cured = 'FROM node:20\nCOPY . .\nENV QDRANT_URL="http://placeholder:6333"\nRUN npm run build\nENV QDRANT_URL=""\n'
    Path("shop/Dockerfile").write_text(cured, "utf-8")
    assert judge(text).findings == ()
    Path("shop/Dockerfile").write_text(cured.replace('ENV QDRANT_URL=""\n', ""), "utf-8")
    assert [each.code for each in judge(text).findings] == ["ND604"]


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.is_dir(), reason="no folder of real compose files at hand")
def test_real_files_are_judged_without_a_crash_and_hardly_ever_wrongly(monkeypatch):
    """They are published because they work: next to none may fail, alone or all of them together."""
    monkeypatch.chdir(CORPUS)
    read = []
    for path in sorted(each.relative_to(CORPUS) for each in CORPUS.rglob("*") if each.is_file()):
        with contextlib.suppress(Unreadable):
            read_compose([[str(path)]], environment={})
            read.append((str(path),))
    assert len(read) > 100, "the folder holds next to nothing"
    failing = [path for path in read if told(lint(read_compose([path], environment={})))]
    together = lint(read_compose(read, environment={}))
    print(len(read), len(together.edges), failing)
    assert len(failing) <= len(read) / 100
    assert len(told(together)) <= len(read) / 100
    assert len(together.edges) > len(read)


def test_a_default_network_that_was_dropped_is_said_once_for_all_who_stayed(tmp_path):
    from netdoctor.topology.compose import read_compose

    file = tmp_path / "compose.yaml"
    file.write_text(
        "name: shop\nservices:\n"
        "  web: {image: x, networks: [proxy], environment: {API: 'http://api:1', DB: 'http://db:1'}}\n"
        "  api: {image: x}\n  db: {image: x}\nnetworks: {proxy: {}}\n"
    )
    report = lint(read_compose([[str(file)]]))
    (finding,) = [each for each in report.findings if each.code == "ND103"]
    assert finding.cause.endswith("where shop-api-1 and shop-db-1 are.")


def test_0_0_0_0_as_a_target_is_told_like_localhost(judge):
    report = judge(
        "services:\n"
        '  app: {image: a, environment: {QDRANT_URL: "http://0.0.0.0:6333"}}\n'
        "  qdrant: {image: qdrant/qdrant}\n"
    )
    assert told(report) == [("ND306", 2)]


def test_a_name_with_a_suffix_is_a_connection_and_possibly_a_mistake(judge):
    report = judge("""\
        services:
          app: {image: a, environment: {API_URL: "http://api.internal:8080"}}
          api: {image: a}
        """)
    assert [(f.code, f.confidence) for f in report.findings] == [("ND201", Confidence.POSSIBLE)]
    assert "nearest names: api" in report.findings[0].evidence[-1]


def test_a_name_with_its_network_is_whom_it_names(judge):
    report = judge("""\
        services:
          app: {image: a, environment: {API_URL: "http://api.shop_default:8080"}}
          api: {image: a}
        """)
    assert told(report) == [] and [edge.label for edge in report.edges] == ["shop-app-1 -> shop-api-1:8080"]


def test_what_a_rule_would_have_said_that_fails_itself_nobody_knows(judge, monkeypatch):
    def boom(self, case):
        raise RuntimeError("boom")

    monkeypatch.setattr(type(RULES.get("ND105")), "judge", boom)
    text = """
        services:
          app: {image: a, environment: {DB_URL: "postgres://db:5432/x"}, networks: [front]}
          db: {image: "postgres:16", networks: [front]}
        networks: {front: , back: }
        """
    report = judge(text)
    assert [(each.code, each.reason) for each in report.unjudged] == [
        ("ND105", "the rule itself failed (RuntimeError: boom)")
    ]
    assert report.verdict is Verdict.UNKNOWN
    assert [(each.verdict, each.reason[:26]) for each in report.edges] == [
        (Verdict.UNKNOWN, "ND105 could not judge it: ")
    ]
    broken = judge(text.replace("networks: [front]", "networks: [back]", 1))
    assert broken.verdict is Verdict.BROKEN, "what the other rules say counts"


def test_a_command_line_is_judged_and_what_the_environment_says_is_said_once(judge):
    text = """
        services:
          app:
            image: a
            command: ["celery", "-b", "redis://redis:6379/0"]
            environment: {DB_URL: "postgres://db:5432/x"}
            entrypoint: ["sh", "-c", "until nc -z db 5432; do sleep 1; done; exec \\"$$@\\"", "-"]
            networks: [front]
          db: {image: "postgres:16", networks: [front]}
          redis: {image: "redis:7", networks: [back]}
        networks: {front: , back: }
        """
    report = judge(text)
    assert [(each.edge.origin, each.verdict) for each in report.edges] == [
        ("environment DB_URL", Verdict.HOLDS),
        ("command", Verdict.BROKEN),
    ]
    assert [code for code, _ in told(report)] == ["ND101"]

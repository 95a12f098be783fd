"""Hypothesis strategies: compose files in every layout people use, and files damaged in random places."""

from __future__ import annotations

from hypothesis import strategies as st

_SETTINGS = (
    ["image: x"],
    ["image: 'x'  # pinned"],
    ["environment: {A: '1', B: \"{{.Name}}\"}"],
    ["environment:", "  A: on", "  # B: off", "  C:"],
    ["ports: [80:80, '443']"],
    ["labels: [", "    a=b,", "  c=d ]"],
    ["command: |", "  one", "", "  two"],
    ["command: >-", "  one", "   two", "", ""],
    ["command: |+", "  one", "", ""],
    ["entrypoint: some plain", "  text over", "  lines"],
    ['hostname: "a', '  b"'],
    ["init:"],
    ["restart: ~"],
    ["environment: *env"],
    ["<<: *common"],
)


def _dedent_dashes(lines: list[str], dashes: int) -> list[str]:
    return [" " * dashes + line for line in lines]


@st.composite
def _networks(draw: st.DrawFn, dashes: int) -> list[str]:
    """The lines of a service's `networks` key, or none."""
    names = draw(st.lists(st.sampled_from(["a", "b", "default"]), min_size=1, max_size=3, unique=True))
    form = draw(st.integers(0, 7))
    if form <= 1:
        return []
    if form == 2:
        gap = draw(st.sampled_from([" ", "   "]))
        return ["networks:", *_dedent_dashes([f"-{gap}{name}" for name in names], dashes)]
    if form == 3:
        lines = ["networks: # which"]
        for name in names:
            lines += draw(st.sampled_from([[f"  {name}:"], [f"  {name}: {{}}"], [f"  '{name}':", "    priority: 5"]]))
        return lines
    if form == 4:
        return [f"networks: [{', '.join(names)}]"]
    if form == 5:
        return ["networks: [", *(f"  {name}," for name in names), "]"]
    if form == 6:
        return [f"networks: {{{', '.join(f'{name}: {{}}' for name in names)}}}"]
    return [draw(st.sampled_from(["networks:", "networks: []", "networks: {}"]))]


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """A compose file with a service `web` that can join a network `shared`; LF, no byte order mark."""
    step = draw(st.sampled_from([1, 2, 4]))
    dashes = draw(st.sampled_from([0, step]))
    pad = " " * step
    noise = st.sampled_from([[], [], [], [""], ["", ""], ["# note"], [pad + "# note"], [pad * 3 + "# note", ""]])
    lines: list[str] = draw(st.sampled_from([[], ["---"], ["# head", ""], ["version: '3'"], ["%YAML 1.1", "---"]]))[:]
    lines += ["x-common: &common", pad + "restart: always", "x-env: &env {A: b}"]
    lines += draw(noise)
    services = draw(st.permutations(["web", "db"]))
    body: list[str] = ["services:"]
    for name in services:
        body.append(pad + draw(st.sampled_from([f"{name}:", f"'{name}':", f"{name}: # it"])))
        settings = draw(st.lists(st.sampled_from(_SETTINGS), max_size=3, unique_by=lambda s: s[0].split(":")[0]))
        parts = [["image: y"] if not any(s[0].startswith("image") for s in settings) else [], *settings]
        parts.append(draw(_networks(dashes)))
        for part in draw(st.permutations([part for part in parts if part])):
            body += [pad * 2 + line if line else "" for line in part]
            if not part[0].startswith(("command", "networks", "labels", "entrypoint")):
                body += draw(noise)
    top = draw(
        st.sampled_from(
            [
                [],
                ["networks:", pad + "a:", pad + "b: {driver: bridge}", "# last"],
                ["networks:", pad + "a:", pad * 2 + "external: true", pad * 2 + "name: other", pad + "b:"],
                ["networks: {a: {}, b: {}}"],
                ["networks:", pad + "shared:", pad * 2 + "external: true", pad + "a:", pad + "b:"],
                ["networks:", pad + "shared:", pad + "a:", pad + "b:"],
                ["networks:"],
                ["networks:", pad + "default:", pad * 2 + "name: z", "", pad + "a:", pad + "b:"],
            ]
        )
    )
    sections = draw(st.permutations([body, top, ["volumes:", pad + "v:"]]))
    for section in sections:
        lines += section
        lines += draw(st.sampled_from([[], [], [""], ["# between"]]))
    if draw(st.booleans()):
        lines += draw(st.sampled_from([["..."], ["", ""], ["# end"], [pad + "# indented end"]]))
    end = draw(st.sampled_from(["\n", "\n", ""]))
    return ("\n".join(lines) + end).encode()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A compose file with random characters put in, taken out or doubled: YAML or not."""
    text = draw(documents()).decode()
    signs = st.sampled_from([*"\t\r\n -:#[]{}&*!|>'\"%@`,?~<", "\u00a0", "\ufeff", "\u2028", "é", "- ", ": ", "\n  "])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        until = draw(st.integers(at, min(at + 12, len(text))))
        kind = draw(st.integers(0, 2))
        middle = (draw(signs), "", text[at:until] * 2)[kind]
        text = text[:at] + middle + text[(at if kind == 0 else until) :]
    return text.encode()

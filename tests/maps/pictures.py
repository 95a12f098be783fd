"""Pictures that every drawing has to cope with."""

from __future__ import annotations

from netdoctor.maps.interface import BROKEN, HOLDS, UNASKED, UNKNOWN, Arrow, Box, Cause, Joint, Net, Picture

CAUSE = Cause("ND101", "No shared network", "app and qdrant share no network.", ("app: coolify",), ("Connect qdrant",))
INCIDENT = Picture(
    "Docker Engine 20.10.24",
    (Net("n1", "coolify", (), ("10.0.1.0/24",)), Net("n2", "q8s0wk4", ("internal",), ("10.0.2.0/24",))),
    (
        Box("c1", "app", state="running, healthy", joints=(Joint("n1", ("10.0.1.2",), ("app",)),)),
        Box("c2", "qdrant", state="running", joints=(Joint("n2", ("10.0.2.2",), ("qdrant",)),)),
        Box("c3", "old", state="exited", up=False, joints=(Joint("n1"),)),
        Box("c4", "metal", state="running", note="host networking"),
        Box("external:api.example.com", "api.example.com", "external"),
    ),
    (
        Arrow("c1", "c2", "app -> qdrant:6333", BROKEN, causes=(CAUSE,)),
        Arrow("c1", "c3", "app -> old:80", UNKNOWN, "old does not run"),
        Arrow("c1", "external:api.example.com", "app -> api.example.com:443", HOLDS),
        Arrow("c4", "c1", "metal -> app", UNASKED, "depends_on"),
    ),
)
NASTY = 'x"]; <script>alert(1)</script> `$(id)` | } \\N --> %% #quot; \u202eevil é'
HOSTILE = Picture(
    NASTY,
    (Net(NASTY, NASTY, (NASTY,), (NASTY,)),),
    (Box(NASTY + "1", NASTY, state=NASTY, image=NASTY, joints=(Joint(NASTY, (NASTY,), (NASTY,)),), note=NASTY),),
    (Arrow(NASTY + "1", NASTY + "1", NASTY, BROKEN, NASTY, (Cause(NASTY, NASTY, NASTY, (NASTY,), (NASTY,)),)),),
)
EMPTY = Picture("nothing", (), (), ())


def crowd(boxes: int = 60, nets: int = 12) -> Picture:
    """Every container on one to three networks, with names as platforms make them."""
    made = tuple(Net(f"n{i}", f"project-{i}_a-rather-long-network-name", (), (f"10.{i}.0.0/16",)) for i in range(nets))
    members = tuple(
        Box(
            f"c{i}",
            f"project-{i % nets}-service-{i}-1",
            state="running",
            joints=tuple(
                Joint(f"n{(i * step) % nets}", (f"10.{(i * step) % nets}.0.{i + 2}",))
                for step in sorted({1, 1 + i % 3})
                if step == 1 or (i * step) % nets != i % nets
            ),
        )
        for i in range(boxes)
    )
    says = (HOLDS, HOLDS, BROKEN, UNKNOWN)
    arrows = tuple(
        Arrow(
            f"c{i}",
            f"c{(i * 7 + 1) % boxes}",
            f"service-{i} -> service-{(i * 7 + 1) % boxes}:80",
            says[i % 4],
            causes=(CAUSE,) if says[i % 4] == BROKEN else (),
        )
        for i in range(boxes)
        if i != (i * 7 + 1) % boxes
    )
    return Picture("a crowd", made, members, arrows)

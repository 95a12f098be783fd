# netdoctor as an image, for hosts without Python. docs/container.md says how to run it, and what works with which rights.
#
#   docker build -t netdoctor .
#
# Where no package index is in reach: fetch the wheels first, for the base's Python
# (pip download --require-hashes --only-binary :all: --python-version 3.12 -r requirements.txt -r requirements-build.txt
# -d wheels), and build with --build-arg PIP_NO_INDEX=1.
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS build
ARG PIP_NO_INDEX
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_FIND_LINKS=/src/wheels
WORKDIR /src
# A folder that need not be there: the pattern matches a file that is.
COPY requirements.txt requirements-build.txt wheels* wheels/
RUN python3 -m venv /opt/netdoctor \
    && /opt/netdoctor/bin/pip install --require-hashes -r wheels/requirements.txt \
    && python3 -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes -r wheels/requirements-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY docs/man docs/man
COPY netdoctor netdoctor
# Only now: a change of the code leaves the layer above alone. pip is of no use in the finished image.
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir built . \
    && /opt/netdoctor/bin/pip install --no-deps --no-index built/*.whl \
    && /opt/netdoctor/bin/pip uninstall --yes --quiet setuptools pip

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title=netdoctor \
      org.opencontainers.image.description="Finds out why one container cannot reach another" \
      org.opencontainers.image.licenses=Apache-2.0
COPY --from=build /opt/netdoctor /opt/netdoctor
ENV PATH=/opt/netdoctor/bin:$PATH PYTHONUNBUFFERED=1 NETDOCTOR_STATE_DIR=/var/lib/netdoctor
# Nobody in particular; the journal of fixes is the only thing it writes: -v netdoctor:/var/lib/netdoctor keeps it.
# Whoever it runs as may begin one there, also root without the capability to ignore permissions; nobody touches another's.
RUN mkdir -p /var/lib/netdoctor && chmod 1777 /var/lib/netdoctor
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["netdoctor"]

# The gateway in a container. Configuration and keys are mounted in /etc/soins-passerelle, data in the volume.
# Run it with --init: gpg-agent processes that end need a parent that takes note.
#
# Behind a proxy or with a package index of your own, give pip its settings as secrets of the build, which no layer
# keeps: --secret id=pip,src=pip.conf, and --secret id=ca,src=ca.pem for a « cert = /run/secrets/ca » in that file.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY requirements.lock requirements-dev.lock ./
# The build tool comes from the lock file like everything else: its block is cut out of the development set. It and pip
# stay in this stage.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    python3 -m venv /opt/build \
 && python3 -m venv --without-pip /opt/soins-passerelle \
 && awk '/^[a-z]/ { wanted = /^setuptools==/ } wanted' requirements-dev.lock > build.lock \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r build.lock \
 && /opt/build/bin/pip --python /opt/soins-passerelle/bin/python install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY config/calendars config/calendars
COPY gateway gateway
# The wheel carries the calendar to {sys.prefix}/share/soins-gateway/calendars.
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/build/bin/pip --python /opt/soins-passerelle/bin/python install --no-cache-dir --no-deps --no-index dist/*.whl

FROM ${BASE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates gnupg python3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/soins-passerelle --shell /usr/sbin/nologin passerelle \
 && install -d -o passerelle -g passerelle -m 0700 /etc/soins-passerelle /var/lib/soins-passerelle
COPY --from=build /opt/soins-passerelle /opt/soins-passerelle
# Every command finds the configuration by itself, those that a person runs with « exec » too.
ENV PATH=/opt/soins-passerelle/bin:/usr/local/bin:/usr/bin:/bin \
    GATEWAY_CONFIG=/etc/soins-passerelle/gateway.toml \
    LC_ALL=C.UTF-8 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/soins-passerelle
VOLUME /var/lib/soins-passerelle
# Unhealthy when a mailbox is no longer watched or the clock is in doubt. Engines know 0 and 1 only.
HEALTHCHECK --interval=60s --timeout=20s --start-period=60s --retries=3 CMD gateway status || exit 1
ENTRYPOINT ["gateway"]
CMD ["run"]

# The gateway in a container. Configuration and keys are mounted in /etc/soins-passerelle, data in the volume.
# Run it with --init: gpg-agent processes that end need a parent that takes note.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY requirements.lock requirements-dev.lock ./
# The build tool comes from the lock file like everything else: its block is cut out of the development set.
RUN python3 -m venv /opt/build /opt/soins-passerelle \
 && awk '/^[a-z]/ { wanted = /^setuptools==/ } wanted' requirements-dev.lock > build.lock \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r build.lock \
 && /opt/soins-passerelle/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY config/calendars config/calendars
COPY gateway gateway
# The wheel carries the calendar to {sys.prefix}/share/soins-gateway/calendars.
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/soins-passerelle/bin/pip install --no-cache-dir --no-deps --no-index dist/*.whl

FROM ${BASE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates gnupg python3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/soins-passerelle --shell /usr/sbin/nologin passerelle \
 && install -d -o passerelle -g passerelle -m 0700 /var/lib/soins-passerelle
COPY --from=build /opt/soins-passerelle /opt/soins-passerelle
ENV PATH=/opt/soins-passerelle/bin:/usr/local/bin:/usr/bin:/bin \
    LC_ALL=C.UTF-8 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/soins-passerelle
VOLUME /var/lib/soins-passerelle
HEALTHCHECK --interval=60s --timeout=20s --start-period=60s --retries=3 \
  CMD ["gateway", "status", "--config", "/etc/soins-passerelle/gateway.toml"]
ENTRYPOINT ["gateway"]
CMD ["run", "--config", "/etc/soins-passerelle/gateway.toml"]

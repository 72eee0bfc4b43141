# The operator's image. Build it from a checkout, for both architectures:
#   docker buildx build --platform linux/amd64,linux/arm64 --tag muster:0.1.0 .
# A release pins PYTHON_IMAGE to a digest, so that the same source gives the same base.
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /source
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
COPY schemas schemas
COPY policies policies
# The environment is made where it will lie, because its programs name their interpreter's path.
RUN python -m pip wheel --no-deps --wheel-dir /wheels . \
    && python -m venv /opt/muster \
    && wheel="$(ls /wheels/muster-*.whl)" \
    && /opt/muster/bin/python -m pip install --no-compile "${wheel}[operator,winrm]" \
    && /opt/muster/bin/python -m pip uninstall --yes pip

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Muster" \
      org.opencontainers.image.description="Keeps customers' directories, password vaults and PSAs in agreement with YAML in git" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
# USER and HOME, because the number below has no entry in /etc/passwd: kopf asks for its user's name.
ENV PATH=/opt/muster/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 USER=muster HOME=/tmp
COPY --from=build /opt/muster /opt/muster
# A number, so that runAsNonRoot can be checked without a list of users. It owns no file.
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080 9443
# Kubernetes probes /healthz itself.
HEALTHCHECK NONE
ENTRYPOINT ["muster"]
CMD ["operator"]

# The web service in a container: python -m build && docker build -t fer-toolkit .
# docs/web.md says how to run it.

FROM python:3.12-slim AS build
COPY dist/*.whl /tmp/
RUN python -m venv /opt/fer-toolkit \
    && wheel=$(ls /tmp/fer_toolkit-*.whl) \
    && /opt/fer-toolkit/bin/pip install --no-cache-dir "$wheel[web]"
# The detector's weights, so that the container needs no network.
RUN FER_TOOLKIT_CACHE=/opt/weights /opt/fer-toolkit/bin/fer-toolkit models fetch yunet-2026may

FROM python:3.12-slim
# Libraries that OpenCV's wheel expects.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt /opt
ENV PATH=/opt/fer-toolkit/bin:$PATH \
    FER_TOOLKIT_CACHE=/opt/weights \
    FER_TOOLKIT_OFFLINE=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# A number and not a name, so that an orchestrator can see that it is not root.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
# In this form the server is told of docker stop itself, and finishes what is under way.
ENTRYPOINT ["fer-toolkit", "serve", "--host", "0.0.0.0"]

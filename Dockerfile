# syntax=docker/dockerfile:1

# Node 24 is a long-term support line. Override to try another: docker build --build-arg NODE_VERSION=22 .
ARG NODE_VERSION=24

FROM node:${NODE_VERSION}-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json nest-cli.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build

# The only optional dependencies of the program are the binaries of the embedded PostgreSQL (100 MB and more), which
# the image does not use: it expects DATABASE_URL.
FROM node:${NODE_VERSION}-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional && npm cache clean --force

FROM node:${NODE_VERSION}-slim
LABEL org.opencontainers.image.title="Parley" \
      org.opencontainers.image.description="Real-time gateway for conversations between people and AI assistants" \
      org.opencontainers.image.licenses="MIT"

ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
WORKDIR /app
# Owned by root: the server can read its program, not change it.
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./

USER node
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

# No shell and no npm in between: node is process 1 and gets SIGTERM itself.
CMD ["node", "dist/main.js"]

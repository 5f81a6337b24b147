// A project with one of each object, for tests that kill the engine: ports, networks, a named and a mounted volume, a
// dependency, and an image with two steps.
#pragma once

namespace stack::e2e {

inline constexpr const char* kKillProject = R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    ports: ["18082:8000"]
    depends_on: [db]
  db:
    image: debian:bookworm-slim
    command: sh -c 'while :; do echo tick; sleep 0.05; done'
    stop_signal: SIGKILL
    volumes: ["data:/data", "memory:/memory"]
    networks: [default, back]
  built:
    image: random-kill-built
    profiles: [build]
    build:
      context: .
      dockerfile_inline: |
        FROM debian:bookworm-slim
        RUN sleep 0.3 && echo one > /one
        RUN sleep 0.2 && echo two > /two
volumes:
  data:
  memory:
    driver_opts: {type: tmpfs, device: tmpfs}
networks:
  back:
)";

}  // namespace stack::e2e

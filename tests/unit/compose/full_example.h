// A file with nearly all attributes, for round trips.
#pragma once

namespace stack::compose {

constexpr const char* kFullExample = R"(
name: full
x-common: &common
  restart: unless-stopped
  logging: {driver: json-file, options: {max-size: "10m"}}
services:
  web:
    <<: *common
    build:
      context: ./web
      args: {A: "1", B: two}
      target: final
      labels: [x=y]
      ssh: [default]
      secrets: [{source: pw, mode: 0400}]
      ulimits: {nofile: {soft: 1, hard: 2}}
      additional_contexts: {c: ./c}
    image: registry.example.com/web:1.10
    command: ["serve", "--port", "80", ""]
    entrypoint: []
    environment: {EMPTY: "", NONE: , NUM: 1.10, DOLLAR: "a$$b", MULTI: "one\ntwo\n", "YES": "yes", COLON: "a: b", TIME: "22:22"}
    ports: ["8080:80", "127.0.0.1:9000-9001:9000-9001/udp", {target: 5, name: n, published: "100-110"}]
    expose: [7000]
    volumes: ["data:/data", "./conf:/etc/conf:ro", /anon, {type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0755}}]
    networks:
      back: {aliases: [w], priority: 3}
      default:
    depends_on:
      db: {condition: service_healthy, restart: true}
      job: {condition: service_completed_successfully, required: false}
    healthcheck: {test: "curl -f localhost", interval: 1m30s, timeout: 10s, retries: 3, start_period: 500ms}
    deploy:
      replicas: 2
      resources: {limits: {cpus: "0.50", memory: 50M, pids: 10}, reservations: {memory: 20M}}
      update_config: {parallelism: 0, order: start-first}
      restart_policy: {condition: on-failure, max_attempts: 0}
    secrets: [pw, {source: pw, target: other, uid: "1", gid: "2", mode: 0440}]
    configs: [conf]
    ulimits: {nproc: 65535, nofile: {soft: 20000, hard: 40000}}
    sysctls: {net.core.somaxconn: 1024}
    devices: ["/dev/null:/dev/zero:r"]
    blkio_config: {weight: 300, device_read_bps: [{path: /dev/sda, rate: 1mb}]}
    mem_swappiness: 60
    shm_size: 64m
    stop_grace_period: 1m
    init: false
    tty: true
    privileged: false
    cap_add: [NET_ADMIN]
    dns: [8.8.8.8]
    extra_hosts: {h: 1.2.3.4}
    post_start: [{command: echo hi, environment: {A: b}}]
    develop: {watch: [{path: ./src, action: sync, target: /src, ignore: [node_modules/]}]}
    labels: {com.example.empty: "", com.example.text: "it's #1"}
    x-own: {k: [1, two, 3.5, true, null]}
    profiles: [a]
  db:
    image: redis
    hostname: "123"
    scale: 1
  job: {image: busybox, command: 'true', network_mode: none}
networks:
  back: {internal: true, ipam: {config: [{subnet: 172.28.0.0/16}]}}
volumes:
  data: {driver: local, labels: {a: b}}
secrets:
  pw: {environment: SECRET}
configs:
  conf: {content: "text $$x\nline\n"}
x-top: [a, b]
)";

}  // namespace stack::compose

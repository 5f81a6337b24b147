// `stack config`: the format of the output, which must reload to the same model.
#include "base/json.h"
#include "config_fixture.h"
#include "full_example.h"

namespace stack::compose {
namespace {

TEST_F(ConfigTest, YamlHasTheReferencesFormat) {
  std::string here = path("").substr(0, path("").size() - 1);
  EXPECT_EQ(config(kFullExample),
            "name: full\n"
            "services:\n"
            "  db:\n"
            "    scale: 1\n"
            "    hostname: \"123\"\n"
            "    image: redis\n"
            "    networks:\n"
            "      default: null\n"
            "  job:\n"
            "    command:\n"
            "      - \"true\"\n"
            "    image: busybox\n"
            "    network_mode: none\n"
            "  web:\n"
            "    profiles:\n"
            "      - a\n"
            "    deploy:\n"
            "      replicas: 2\n"
            "      update_config:\n"
            "        parallelism: 0\n"
            "        order: start-first\n"
            "      resources:\n"
            "        limits:\n"
            "          cpus: 0.5\n"
            "          memory: \"52428800\"\n"
            "          pids: 10\n"
            "        reservations:\n"
            "          memory: \"20971520\"\n"
            "      restart_policy:\n"
            "        condition: on-failure\n"
            "        max_attempts: 0\n"
            "    develop:\n"
            "      watch:\n"
            "        - path: " +
                here +
                "/src\n"
                "          action: sync\n"
                "          target: /src\n"
                "          ignore:\n"
                "            - node_modules/\n"
                "    restart: unless-stopped\n"
                "    post_start:\n"
                "      - command:\n"
                "          - echo\n"
                "          - hi\n"
                "        environment:\n"
                "          A: b\n"
                "    blkio_config:\n"
                "      weight: 300\n"
                "      device_read_bps:\n"
                "        - path: /dev/sda\n"
                "          rate: \"1048576\"\n"
                "    cap_add:\n"
                "      - NET_ADMIN\n"
                "    command:\n"
                "      - serve\n"
                "      - --port\n"
                "      - \"80\"\n"
                "      - \"\"\n"
                "    configs:\n"
                "      - source: conf\n"
                "    devices:\n"
                "      - source: /dev/null\n"
                "        target: /dev/zero\n"
                "        permissions: r\n"
                "    dns:\n"
                "      - 8.8.8.8\n"
                "    entrypoint: []\n"
                "    environment:\n"
                "      COLON: 'a: b'\n"
                "      DOLLAR: a$$b\n"
                "      EMPTY: \"\"\n"
                "      MULTI: |\n"
                "        one\n"
                "        two\n"
                "      NONE: null\n"
                "      NUM: \"1.10\"\n"
                "      TIME: \"22:22\"\n"
                "      \"YES\": \"yes\"\n"
                "    extra_hosts:\n"
                "      - h=1.2.3.4\n"
                "    image: registry.example.com/web:1.10\n"
                "    init: false\n"
                "    labels:\n"
                "      com.example.empty: \"\"\n"
                "      com.example.text: 'it''s #1'\n"
                "    logging:\n"
                "      driver: json-file\n"
                "      options:\n"
                "        max-size: 10m\n"
                "    mem_swappiness: \"60\"\n"
                "    networks:\n"
                "      back:\n"
                "        aliases:\n"
                "          - w\n"
                "        priority: 3\n"
                "      default: null\n"
                "    secrets:\n"
                "      - source: pw\n"
                "        target: /run/secrets/pw\n"
                "      - source: pw\n"
                "        target: other\n"
                "        uid: \"1\"\n"
                "        gid: \"2\"\n"
                "        mode: \"0440\"\n"
                "    shm_size: \"67108864\"\n"
                "    stop_grace_period: 1m0s\n"
                "    sysctls:\n"
                "      net.core.somaxconn: \"1024\"\n"
                "    ulimits:\n"
                "      nofile:\n"
                "        soft: 20000\n"
                "        hard: 40000\n"
                "      nproc: 65535\n"
                "    volumes:\n"
                "      - type: volume\n"
                "        source: data\n"
                "        target: /data\n"
                "        volume: {}\n"
                "      - type: bind\n"
                "        source: " +
                here +
                "/conf\n"
                "        target: /etc/conf\n"
                "        read_only: true\n"
                "        bind: {}\n"
                "      - type: volume\n"
                "        target: /anon\n"
                "        volume: {}\n"
                "      - type: tmpfs\n"
                "        target: /t\n"
                "        tmpfs:\n"
                "          size: \"1048576\"\n"
                "          mode: 493\n"
                "    build:\n"
                "      context: " +
                here +
                "/web\n"
                "      dockerfile: Dockerfile\n"
                "      args:\n"
                "        A: \"1\"\n"
                "        B: two\n"
                "      ssh:\n"
                "        - default\n"
                "      labels:\n"
                "        x: \"y\"\n"
                "      additional_contexts:\n"
                "        c: " +
                here +
                "/c\n"
                "      target: final\n"
                "      secrets:\n"
                "        - source: pw\n"
                "          mode: \"0400\"\n"
                "      ulimits:\n"
                "        nofile:\n"
                "          soft: 1\n"
                "          hard: 2\n"
                "    depends_on:\n"
                "      db:\n"
                "        condition: service_healthy\n"
                "        restart: true\n"
                "        required: true\n"
                "      job:\n"
                "        condition: service_completed_successfully\n"
                "        required: false\n"
                "    expose:\n"
                "      - \"7000\"\n"
                "    healthcheck:\n"
                "      test:\n"
                "        - CMD-SHELL\n"
                "        - curl -f localhost\n"
                "      timeout: 10s\n"
                "      interval: 1m30s\n"
                "      retries: 3\n"
                "      start_period: 500ms\n"
                "    ports:\n"
                "      - mode: ingress\n"
                "        target: 80\n"
                "        published: \"8080\"\n"
                "        protocol: tcp\n"
                "      - mode: ingress\n"
                "        host_ip: 127.0.0.1\n"
                "        target: 9000\n"
                "        published: \"9000\"\n"
                "        protocol: udp\n"
                "      - mode: ingress\n"
                "        host_ip: 127.0.0.1\n"
                "        target: 9001\n"
                "        published: \"9001\"\n"
                "        protocol: udp\n"
                "      - name: \"n\"\n"
                "        mode: ingress\n"
                "        target: 5\n"
                "        published: 100-110\n"
                "        protocol: tcp\n"
                "    tty: true\n"
                "    x-own:\n"
                "      k:\n"
                "        - 1\n"
                "        - two\n"
                "        - 3.5\n"
                "        - true\n"
                "        - null\n"
                "networks:\n"
                "  back:\n"
                "    name: full_back\n"
                "    ipam:\n"
                "      config:\n"
                "        - subnet: 172.28.0.0/16\n"
                "    internal: true\n"
                "  default:\n"
                "    name: full_default\n"
                "volumes:\n"
                "  data:\n"
                "    name: full_data\n"
                "    driver: local\n"
                "    labels:\n"
                "      a: b\n"
                "secrets:\n"
                "  pw:\n"
                "    name: full_pw\n"
                "    environment: SECRET\n"
                "configs:\n"
                "  conf:\n"
                "    name: full_conf\n"
                "    content: |\n"
                "      text $$x\n"
                "      line\n"
                "x-common:\n"
                "  logging:\n"
                "    driver: json-file\n"
                "    options:\n"
                "      max-size: 10m\n"
                "  restart: unless-stopped\n"
                "x-top:\n"
                "  - a\n"
                "  - b\n");
}

TEST_F(ConfigTest, OutputReloadsToTheSameModel) {
  write("compose.yaml", kFullExample);
  auto first = load(options);
  ASSERT_TRUE(first) << render(first.error());
  for (bool json : {false, true}) {
    std::string text = json ? config_json(*first) : config_yaml(*first);
    write("again.yaml", text);
    options.files = {"again.yaml"};
    auto second = load(options);
    ASSERT_TRUE(second) << text << render(second.error());
    EXPECT_EQ(json ? config_json(*second) : config_yaml(*second), text);
    Project a = first->project;
    Project b = second->project;
    for (Project* one : {&a, &b}) {
      one->origins.clear();
      one->compose_files.clear();
      one->extensions.clear();
      for (auto& [name, service] : one->services) service.extensions.clear();
    }
    EXPECT_EQ(stack::to_text(project_to_json(a)), stack::to_text(project_to_json(b)));
    options.files.clear();
  }
}

TEST_F(ConfigTest, JsonHasTheReferencesFormat) {
  write("compose.yaml",
        "name: j\nservices:\n  web:\n    image: a\n    command: echo '<$$x>'\n    deploy: {replicas: 1}\n");
  auto loaded = load(options);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(config_json(*loaded), R"({
  "name": "j",
  "networks": {
    "default": {
      "name": "j_default",
      "ipam": {}
    }
  },
  "services": {
    "web": {
      "deploy": {
        "replicas": 1,
        "resources": {},
        "placement": {}
      },
      "command": [
        "echo",
        "\u003c$$x\u003e"
      ],
      "entrypoint": null,
      "image": "a",
      "networks": {
        "default": null
      }
    }
  }
}
)");
}

TEST_F(ConfigTest, JsonIsJson) {
  write("compose.yaml", kFullExample);
  auto loaded = load(options);
  ASSERT_TRUE(loaded);
  auto json = parse_json(config_json(*loaded));
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["services"]["web"]["environment"]["NUM"], "1.10");
  EXPECT_EQ((*json)["services"]["web"]["deploy"]["resources"]["limits"]["cpus"], 0.5);
}

TEST_F(ConfigTest, Lists) {
  write("compose.yaml", kFullExample);
  auto loaded = load(options);
  ASSERT_TRUE(loaded);
  using Lines = std::vector<std::string>;
  EXPECT_EQ(list_services(*loaded), (Lines{"db", "job", "web"}));
  EXPECT_EQ(list_volumes(*loaded), (Lines{"data"}));
  EXPECT_EQ(list_networks(*loaded), (Lines{"back", "default"}));
  EXPECT_EQ(list_images(*loaded), (Lines{"redis", "busybox", "registry.example.com/web:1.10"}));
  EXPECT_EQ(list_profiles(*loaded), (Lines{"a"}));
  EXPECT_EQ(list_environment(*loaded), (Lines{"COMPOSE_PROJECT_NAME=full", "HOME=/home/me", "SECRET=s"}));
  ASSERT_EQ(list_hashes(*loaded, "*")->size(), 3u);
  ASSERT_EQ(list_hashes(*loaded, "db")->size(), 1u);
  EXPECT_EQ(list_hashes(*loaded, "db")->front().size(), 3u + 64u);
  EXPECT_FALSE(list_hashes(*loaded, "nope"));
}

}  // namespace
}  // namespace stack::compose

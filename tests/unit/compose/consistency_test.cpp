// One case per rule about one or several values.
#include "fixture.h"

namespace stack::compose {
namespace {

struct Case {
  const char* lines;  // of service web, under `image: a`
  const char* error;
};

class RulesTest : public ComposeTest {
 protected:
  void expect_errors(std::initializer_list<Case> cases, const std::string& rest = "") {
    for (const Case& one : cases) EXPECT_EQ(web_errors(one.lines, rest), one.error) << one.lines;
  }
};

TEST_F(RulesTest, WrongTypes) {
  options.load_contents = false;
  expect_errors(
      {
          {"    privileged: maybe\n",
           "compose.yaml:4:17: services.web.privileged: expected true or false, found \"maybe\"\n"},
          {"    ports: {a: b}\n",
           "compose.yaml:4:12: services.web.ports: expected a list, found a mapping\n"},
          {"    user: 5\n",
           "compose.yaml:4:11: services.web.user: expected a string, found the number 5\n  quote it: "
           "\"5\"\n"},
          {"    hostname: true\n",
           "compose.yaml:4:15: services.web.hostname: expected a string, found the boolean true\n  quote it: "
           "\"true\"\n"},
          {"    command: [a, 5]\n",
           "compose.yaml:4:18: services.web.command.1: expected a string, found the number 5\n  quote it: "
           "\"5\"\n"},
          {"    environment: x\n",
           "compose.yaml:4:18: services.web.environment: expected a list or a mapping, found \"x\"\n"},
          {"    environment: {A: [1]}\n",
           "compose.yaml:4:22: services.web.environment.A: expected a string, a number or true or false, "
           "found a list\n"},
          {"    environment: [{A: 1}]\n",
           "compose.yaml:4:19: services.web.environment.0: expected a string, found a mapping\n"},
          {"    scale: two\n",
           "compose.yaml:4:12: services.web.scale: expected a whole number, found \"two\"\n"},
          {"    scale: 1.5\n",
           "compose.yaml:4:12: services.web.scale: expected a whole number, found the number 1.5\n"},
          {"    cpus: many\n", "compose.yaml:4:11: services.web.cpus: expected a number, found \"many\"\n"},
          {"    mem_limit: 12q\n",
           "compose.yaml:4:16: services.web.mem_limit: invalid size \"12q\": expected a number with an "
           "optional unit b, k, m, g, t, or p\n"},
          {"    stop_grace_period: 10\n",
           "compose.yaml:4:24: services.web.stop_grace_period: expected a duration such as 1m30s, found the "
           "number 10\n  add a unit: 10s\n"},
          {"    stop_grace_period: soon\n",
           "compose.yaml:4:24: services.web.stop_grace_period: invalid duration \"soon\": expected for "
           "example 1m30s or 500ms\n"},
          {"    secrets: [{source: s, mode: rw}]\n",
           "compose.yaml:4:33: services.web.secrets.0.mode: expected a file mode such as 0440, found "
           "\"rw\"\n"},
          {"    depends_on: {web2: {condition: started}}\n  web2: {image: a}\n",
           "compose.yaml:4:36: services.web.depends_on.web2.condition: expected one of service_started, "
           "service_healthy, "
           "service_completed_successfully; found \"started\"\n"},
          {"    depends_on: {web2: yes}\n  web2: {image: a}\n",
           "compose.yaml:4:24: services.web.depends_on.web2: expected a mapping, found \"yes\"\n"},
          {"    build: [a]\n",
           "compose.yaml:4:12: services.web.build: expected a string or a mapping, found a list\n"},
          {"    security_opt: [A, A]\n",
           "compose.yaml:4:23: services.web.security_opt: \"A\" is listed twice\n"},
          {"    ports: [~]\n",
           "compose.yaml:4:13: services.web.ports.0: empty list item\n  add a value or remove the item\n"},
          {"    ports:\n",
           "compose.yaml:4:5: services.web.ports: expected a list, found nothing\n  add a value or remove "
           "the key\n"},
      },
      "secrets: {s: {environment: S}}\n");
}

TEST_F(RulesTest, UnknownKeysAtEveryLevel) {
  EXPECT_EQ(errors("sevices: {}\nservices:\n  web:\n    image: a\n    build: {contxt: .}\n    deploy: "
                   "{resources: {limit: {}}}\n"
                   "    healthcheck: {intervall: 1s, test: x}\n    logging: {drivers: x}\nnetworks: {n: "
                   "{drver: bridge}}\nvolumes: {v: {names: x}}\n"),
            "compose.yaml:1:1: unknown key \"sevices\" at the top level\n"
            "compose.yaml:5:13: unknown key \"contxt\" in services.web.build\n  did you mean \"context\"?\n"
            "compose.yaml:6:26: unknown key \"limit\" in services.web.deploy.resources\n  did you mean "
            "\"limits\"?\n"
            "compose.yaml:7:19: unknown key \"intervall\" in services.web.healthcheck\n  did you mean "
            "\"interval\"?\n"
            "compose.yaml:8:15: unknown key \"drivers\" in services.web.logging\n  did you mean \"driver\"?\n"
            "compose.yaml:9:16: unknown key \"drver\" in networks.n\n  did you mean \"driver\"?\n"
            "compose.yaml:10:15: unknown key \"names\" in volumes.v\n  did you mean \"name\"?\n");
}

TEST_F(RulesTest, NamesOfServicesAndResources) {
  expect_contains(errors("services: {\"a b\": {image: a}}\n"),
                  "compose.yaml:1:12: \"a b\" is not a valid name in services");
  expect_contains(errors("services: {a: {image: a}}\nvolumes: {\"a/b\": }\n"),
                  "\"a/b\" is not a valid name in volumes");
}

TEST_F(RulesTest, ServiceNeedsAnImageOrABuild) {
  EXPECT_EQ(errors("services:\n  web:\n    user: a\n"),
            "compose.yaml:2:3: service web has neither an image nor a build\n");
  EXPECT_EQ(
      errors("services:\n  web:\n"),
      "compose.yaml:2:3: services.web: expected a mapping, found nothing\n  add a value or remove the key\n");
  expect_contains(errors("services:\n  web: {image: \"\"}\n"), "the image is empty");
  expect_contains(errors("services:\n  web: {image: a b}\n"), "an image reference cannot contain blanks");
}

TEST_F(RulesTest, UndefinedReferences) {
  expect_errors(
      {
          {"    networks: [bak]\n",
           "compose.yaml:4:16: service web refers to undefined network \"bak\"\n  did you mean "
           "\"back\"?\n"},
          {"    volumes: [\"dta:/x\"]\n",
           "compose.yaml:4:15: service web refers to undefined volume \"dta\"\n  did you mean "
           "\"data\"?\n"},
          {"    secrets: [pw]\n",
           "compose.yaml:4:15: service web refers to undefined secret \"pw\"\n  define it under the "
           "top-level key secrets\n"},
          {"    configs: [{source: c}]\n",
           "compose.yaml:4:24: service web refers to undefined config \"c\"\n  define it under the "
           "top-level key configs\n"},
          {"    depends_on: [dbb]\n",
           "compose.yaml:4:18: service web depends on undefined service \"dbb\"\n  did you mean "
           "\"db\"?\n"},
          {"    links: [\"xyzzy:alias\"]\n",
           "compose.yaml:4:13: service web links to undefined service \"xyzzy\"\n"},
          {"    volumes_from: [xyzzy:ro]\n",
           "compose.yaml:4:20: service web takes the volumes of undefined service \"xyzzy\"\n"},
          {"    network_mode: service:xyzzy\n",
           "compose.yaml:4:19: service web shares a namespace with undefined service \"xyzzy\"\n"},
          {"    pid: service:xyzzy\n",
           "compose.yaml:4:10: service web shares a namespace with undefined service \"xyzzy\"\n"},
          {"    ipc: service:web\n", "compose.yaml:4:10: service web cannot share its own namespace\n"},
      },
      "  db: {image: a}\nnetworks: {back: }\nvolumes: {data: }\n");
}

TEST_F(RulesTest, DependencyCyclesShowTheirPath) {
  EXPECT_EQ(errors("services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [c]}\n  c: "
                   "{image: x, depends_on: [b]}\n"),
            "compose.yaml:4:30: dependency cycle: b -> c -> b\n");
  expect_contains(web_errors("    depends_on: [web]\n"), "dependency cycle: web -> web");
  expect_contains(errors("services:\n  a: {image: x, links: [b]}\n  b: {image: x, volumes_from: [a]}\n"),
                  "dependency cycle: a -> b -> a");
}

TEST_F(RulesTest, LongDependencyChainIsAccepted) {
  std::string text = "services:\n";
  for (int i = 0; i < 3000; ++i)
    text += "  s" + std::to_string(i) + ": {image: a, depends_on: [s" + std::to_string(i + 1) + "]}\n";
  text += "  s3000: {image: a}\n";
  EXPECT_EQ(project(text).services.size(), 3001u);
}

TEST_F(RulesTest, Networking) {
  expect_errors(
      {
          {"    network_mode: host\n    networks: [n]\n",
           "compose.yaml:4:19: service web: network_mode and networks cannot be used together\n"},
          {"    network_mode: ns:/x\n",
           "compose.yaml:4:19: unknown network_mode \"ns:/x\"\n  expected none, host, bridge, "
           "service:<name>, container:<name>, or a network name\n"},
          {"    network_mode: container:x\n    ports: [\"80:80\"]\n",
           "compose.yaml:5:12: service web: ports cannot be published with network_mode container:x\n"},
          {"    networks: {n: {ipv4_address: x}}\n", "compose.yaml:4:34: \"x\" is not an IPv4 address\n"},
          {"    networks: {n: {ipv6_address: 1.2.3.4}}\n",
           "compose.yaml:4:34: \"1.2.3.4\" is not an IPv6 address\n"},
          {"    mac_address: zz\n", "compose.yaml:4:18: \"zz\" is not a MAC address\n"},
          {"    networks: {n: {mac_address: zz}}\n", "compose.yaml:4:33: \"zz\" is not a MAC address\n"},
          {"    ports: [{published: 80}]\n", "compose.yaml:4:13: service web: the port has no target\n"},
          {"    ports: [{target: 80, host_ip: x}]\n", "compose.yaml:4:35: \"x\" is not an IP address\n"},
          {"    ports: [{target: 80, protocol: http}]\n",
           "compose.yaml:4:36: unknown protocol \"http\": expected tcp, udp, or sctp\n"},
          {"    ports: [\"99999:80\"]\n",
           "compose.yaml:4:13: port \"99999:80\": invalid port \"99999\": expected 1 to 65535\n"},
          {"    expose: [x]\n",
           "compose.yaml:4:14: service web: expose: invalid port \"x\": expected a number or a range such as "
           "3000-3010\n"},
          {"    extra_hosts: [\"a=b\"]\n",
           "compose.yaml:4:19: extra host \"a=b\": \"b\" is not an IP address\n"},
      },
      "networks: {n: }\n");
  expect_contains(web_errors("", "networks: {default: {ipam: {config: [{subnet: 10.0.0.0}]}}}\n"),
                  "\"10.0.0.0\" is not a valid CIDR range");
}

TEST_F(RulesTest, Mounts) {
  expect_errors({
      {"    volumes: [\"/a:/x\"]\n    tmpfs: [/x]\n",
       "compose.yaml:5:13: service web: /x is mounted twice\n  the first mount is at compose.yaml:4:15\n"},
      {"    volumes: [{type: bind, target: /x}]\n",
       "compose.yaml:4:15: service web: a volume of type bind needs a source\n"},
      {"    volumes: [{source: /a, target: /x}]\n",
       "compose.yaml:4:15: service web: the volume has no type\n  add type: bind, volume, tmpfs, or image\n"},
      {"    volumes: [{type: tmpfs}]\n", "compose.yaml:4:15: service web: the volume has no target\n"},
      {"    volumes: [{type: tmpfs, source: x, target: /x}]\n",
       "compose.yaml:4:37: service web: a tmpfs has no source\n"},
      {"    volumes: [{type: npipe, source: a, target: /x}]\n",
       "compose.yaml:4:22: volumes of type npipe are not supported on Linux\n"},
      {"    volumes: [{type: tmpfs, target: /x, bind: {selinux: z}}]\n",
       "compose.yaml:4:47: bind options on a volume of type tmpfs\n"},
      {"    volumes: [{type: tmpfs, target: x}]\n",
       "compose.yaml:4:37: \"x\": the path in the container must be absolute\n"},
      {"    volumes: [\"/a:/b:roo\"]\n",
       "compose.yaml:4:15: volume \"/a:/b:roo\": unknown option \"roo\"; did you mean \"ro\"?\n"},
  });
}

TEST_F(RulesTest, BuildRules) {
  expect_errors({
      {"    build: {dockerfile: D, dockerfile_inline: FROM a}\n",
       "compose.yaml:4:47: service web: dockerfile and dockerfile_inline cannot be used together\n"},
      {"    build: {additional_contexts: {b: service:nob}}\n  nob: {image: a}\n",
       "compose.yaml:4:38: service nob, used as a build base, has no build\n"},
      {"    build: {platforms: [linux/s390x]}\n    platform: linux\n",
       "compose.yaml:5:15: service web: build.platforms does not list the platform linux\n"},
      {"    build: {secrets: [s]}\n",
       "compose.yaml:4:23: service web refers to undefined secret \"s\"\n  define it under the top-level "
       "key secrets\n"},
  });
}

TEST_F(RulesTest, RecursiveRequiresReadOnly) {
  expect_errors({{"    volumes: [{type: bind, source: /a, target: /a, bind: {recursive: readonly}}]\n",
                  "compose.yaml:4:70: service web: bind.recursive: readonly requires read_only: true\n"}});
}

TEST_F(RulesTest, UserNamespacesOtherThanTheHostsAreRejected) {
  expect_errors(
      {{"    userns_mode: private\n",
        "compose.yaml:4:18: service web: unknown userns_mode \"private\": only host is supported\n"}});
  EXPECT_EQ(web("    userns_mode: host\n").userns_mode, "host");
}

TEST_F(RulesTest, UnsupportedSettingsAreRejectedBeforeAnyChange) {
  expect_errors({
      {"    runtime: kata\n",
       "compose.yaml:4:14: service web: runtime \"kata\" is not supported\n  expected runc\n"},
      {"    logging: {driver: gelf}\n",
       "compose.yaml:4:23: service web: logger: no log driver named 'gelf' is registered\n"
       "  expected json-file, local, journald or none\n"},
      {"    build: ftp://example.com/x\n",
       "compose.yaml:4:12: service web: build context ftp://example.com/x is not supported\n  expected a "
       "directory, a git repository, or an http(s) URL\n"},
  });
  expect_contains(web_errors("    platform: linux/s390x\n", ""), "platform linux/s390x is not supported");
  expect_contains(web_errors("", "networks: {default: {driver: weave}}\n"),
                  "networks.default: driver \"weave\" is not supported");
  expect_contains(web_errors("", "volumes: {v: {driver: rclone}}\n"),
                  "volumes.v: driver \"rclone\" is not supported");
  // `config` shows it anyway.
  options.refuse = false;
  config("services: {web: {image: a, runtime: kata, platform: linux/s390x}}\n");
  EXPECT_TRUE(load(options));
}

TEST_F(RulesTest, NetworkModeMayNameANetwork) {
  EXPECT_EQ(web("    network_mode: proxy_net\n").network_mode, "proxy_net");
}

TEST_F(RulesTest, StartIntervalRequiresAStartPeriod) {
  expect_errors({{"    healthcheck: {test: x, start_interval: 1s}\n",
                  "compose.yaml:4:44: service web: healthcheck.start_interval requires healthcheck.start_period to be set\n"}});
  options.refuse = false;
  config("services: {web: {image: a, healthcheck: {test: x, start_interval: 1s}}}\n");
  EXPECT_TRUE(load(options));
}

TEST_F(RulesTest, RestartOnUnhealthyBecomesALabel) {
  EXPECT_EQ(web("    x-stack: {restart_on: unhealthy}\n").labels.at("io.stack.restart-on"), "unhealthy");
  EXPECT_FALSE(web("    x-stack: {}\n").labels.contains("io.stack.restart-on"));
  expect_errors({
      {"    x-stack: {restart_on: sick}\n",
       "compose.yaml:4:27: service web: x-stack.restart_on: must be unhealthy\n"},
      {"    x-stack: {restart-on: unhealthy}\n",
       "compose.yaml:4:15: service web: x-stack: unknown key \"restart-on\"\n  did you mean "
       "\"restart_on\"?\n"},
      {"    x-stack: always\n",
       "compose.yaml:4:14: service web: x-stack: expected a mapping, found \"always\"\n"},
      {"    x-stack: {restart_on: unhealthy}\n    healthcheck: {disable: true}\n",
       "compose.yaml:4:27: service web: x-stack.restart_on has no effect because the health check is "
       "disabled\n"},
  });
}

TEST_F(RulesTest, HealthAndHooksAndWatch) {
  options.refuse = false;
  expect_errors({
      {"    healthcheck: {test: [curl, x]}\n",
       "compose.yaml:4:26: service web: a healthcheck test list must start with CMD, CMD-SHELL, or NONE\n  "
       "write [\"CMD\", \"curl\", ...]\n"},
      {"    healthcheck: {test: x, retries: -1}\n",
       "compose.yaml:4:37: service web: retries must not be negative\n"},
      {"    post_start: [{user: root}]\n",
       "compose.yaml:4:18: service web: a post_start hook requires a command\n"},
      {"    pre_start: [{command: a, per_replica: true}]\n",
       "compose.yaml:4:43: service web: pre_start hooks run once per service; per_replica: true is not "
       "supported\n"},
      {"    develop: {watch: [{path: ., action: sync}]}\n",
       "compose.yaml:4:23: service web: the watch action sync requires a target\n"},
      {"    develop: {watch: [{action: rebuild}]}\n",
       "compose.yaml:4:23: service web: a watch rule requires path\n"},
  });
}

TEST_F(RulesTest, RequiredMembers) {
  options.refuse = false;
  expect_errors({
      {"    devices: [{target: /dev/a}]\n", "compose.yaml:4:15: services.web.devices.0 has no source\n"},
      {"    env_file: [{required: false}]\n", "compose.yaml:4:16: services.web.env_file.0 has no path\n"},
      {"    provider: {options: {a: b}}\n", "compose.yaml:4:5: services.web.provider has no type\n"},
      {"    build: {context: ., secrets: [{target: a}]}\n",
       "compose.yaml:4:35: service web: the secret has no source\n"
       "compose.yaml:4:35: services.web.build.secrets.0 has no source\n"},
      {"    deploy: {resources: {reservations: {devices: [{count: 1}]}}}\n",
       "compose.yaml:4:51: services.web.deploy.resources.reservations.devices.0 has no capabilities\n"},
      {"    develop: {watch: [{path: ., action: sync+exec, target: /x, exec: {user: u}}]}\n",
       "compose.yaml:4:64: services.web.develop.watch.0.exec has no command\n"},
      {"    develop: {watch: [{path: \"\", action: rebuild}]}\n",
       "compose.yaml:4:30: service web: the path of a watch rule is empty\n"},
      {"    models: [none]\n",
       "compose.yaml:4:14: service web refers to undefined model \"none\"\n  define it under the "
       "top-level key "
       "models\n"},
  });
  EXPECT_EQ(errors("services: {web: {image: a, models: [m]}}\nmodels: {m: {context_size: 5}}\n"),
            "compose.yaml:2:10: models.m has no model\n");
}

// `config` shows values that cannot be run, like the reference.
TEST_F(RulesTest, InvalidValuesAreWarningsInConfig) {
  options.refuse = false;
  Service s =
      web("    extra_hosts: [\"db:nowhere\"]\n    expose: [http]\n    restart: alwais\n    container_name: "
          "\"a b\"\n"
          "    volumes: [\"v1:rel\"]\n    ports: [{target: 80, published: www, protocol: quic}]\n"
          "    deploy: {restart_policy: {condition: maybe}}\n",
          "volumes: {v1: }\n");
  EXPECT_EQ(s.extra_hosts, StringList{"db=nowhere"});
  EXPECT_EQ(s.ports.at(0).published, "www");
  for (const char* part :
       {"extra host \"db:nowhere\": \"nowhere\" is not an IP address", "expose: invalid port \"http\"",
        "unknown restart policy \"alwais\"", "invalid container_name \"a b\"",
        "\"rel\": the path in the container must be absolute", "invalid port \"www\"",
        "unknown protocol \"quic\"", "expected one of none, no, on-failure, any"})
    expect_contains(warnings, part);
  options.refuse = true;
  expect_contains(errors(), "4:19: extra host \"db:nowhere\"");
}

TEST_F(RulesTest, MessagesBeyondTheLimitCostNothing) {
  std::string text = "services:\n  web:\n    image: a\n    depends_on: [";
  for (int i = 0; i < 20000; ++i) text += "none" + std::to_string(i) + ", ";
  write("compose.yaml", text + "last]\n");
  auto loaded = load(options);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().size(), 100u);
}

TEST_F(RulesTest, ScaleAndNames) {
  expect_errors({
      {"    scale: 2\n    deploy: {replicas: 3}\n",
       "compose.yaml:4:12: service web: scale and deploy.replicas differ\n"},
      {"    scale: -1\n", "compose.yaml:4:12: service web: scale must not be negative\n"},
      {"    scale: 2\n    container_name: xx\n",
       "compose.yaml:5:21: service web: container_name cannot be used with more than one container\n"},
      {"    container_name: \"a b\"\n",
       "compose.yaml:4:21: invalid container_name \"a b\"\n  use two or more letters, digits, \"_\", \".\", "
       "and \"-\", starting with a letter or digit\n"},
      {"    container_name: same\n  two: {image: a, container_name: same}\n",
       "compose.yaml:5:35: service two: container name \"same\" is already in use by service web\n"},
      {"    restart: alwais\n",
       "compose.yaml:4:14: unknown restart policy \"alwais\": expected no, always, unless-stopped, or "
       "on-failure[:N]; did you mean \"always\"?\n"},
      {"    pull_policy: sometimes\n",
       "compose.yaml:4:18: service web: unknown pull_policy \"sometimes\"\n  expected always, never, "
       "missing, build, daily, weekly, or every_<duration>\n"},
      {"    labels: [com.docker.compose.project=x]\n",
       "compose.yaml:4:14: service web: labels that begin with com.docker.compose. are reserved\n"},
  });
}

TEST_F(RulesTest, ResourceNumbers) {
  expect_errors({
      {"    mem_limit: 1g\n    deploy: {resources: {limits: {memory: 2g}}}\n",
       "compose.yaml:4:16: service web: mem_limit and deploy.resources.limits.memory differ\n  keep one of "
       "them\n"},
      {"    cpus: 1\n    deploy: {resources: {limits: {cpus: \"2\"}}}\n",
       "compose.yaml:4:11: service web: cpus and deploy.resources.limits.cpus differ\n  keep one of them\n"},
      {"    oom_score_adj: 2000\n",
       "compose.yaml:4:20: service web: oom_score_adj is out of range\n  expected -1000 to 1000\n"},
      {"    mem_swappiness: 101\n",
       "compose.yaml:4:21: service web: mem_swappiness is out of range\n  expected 0 to 100\n"},
      {"    ulimits: {nofile: {soft: 5, hard: 4}}\n",
       "compose.yaml:4:15: service web: ulimit nofile: the soft limit exceeds the hard limit\n"},
      {"    ulimits: {nofile: {soft: 5}}\n",
       "compose.yaml:4:15: service web: ulimit nofile has no hard limit\n"},
  });
}

TEST_F(RulesTest, TopLevelResources) {
  auto error = [&](const std::string& rest) { return errors("services: {web: {image: a}}\n" + rest); };
  expect_contains(error("volumes: {v: {external: true, driver: x}}\n"),
                  "volumes.v is external, so driver cannot be set");
  expect_contains(error("volumes: {v: {external: {name: a}, name: b}}\n"), "name and external.name differ");
  expect_contains(error("secrets: {s: {}}\n"), "compose.yaml:2:11: secrets.s has no file or environment");
  expect_contains(error("secrets: {s: {file: a, environment: b}}\n"),
                  "secrets.s must have exactly one of file or environment");
  expect_contains(error("configs: {c: {file: a, content: b}}\n"),
                  "configs.c must have exactly one of file, environment, or content");
  expect_contains(error("secrets: {s: }\n"), "secrets.s: expected a mapping, found nothing");
}

TEST_F(RulesTest, ContentsOfSecretsAndConfigsMustExist) {
  expect_contains(web_errors("    secrets: [s]\n", "secrets: {s: {file: none}}\n"),
                  "compose.yaml:5:21: file none not found");
  expect_contains(web_errors("    configs: [s]\n", "configs: {s: {environment: NONE}}\n"),
                  "compose.yaml:5:28: variable \"NONE\" is not set");
  EXPECT_EQ(web_errors("    secrets: [s, t]\n    scale: x\n",
                       "secrets: {s: {file: none}, t: {file: \"${X:?x}\"}}\n"),
            "compose.yaml:5:12: services.web.scale: expected a whole number, found \"x\"\n"
            "compose.yaml:6:21: file none not found\n"
            "compose.yaml:6:38: required variable X is missing a value: x\n");
  options.load_contents = false;
  EXPECT_EQ(web("    secrets: [s]\n", "secrets: {s: {file: none}}\n").secrets.size(), 1u);
}

TEST_F(RulesTest, IgnoredKeysWarnOrFailWithStrict) {
  web("    deploy: {placement: {constraints: [a]}, endpoint_mode: dnsrr}\n    isolation: x\n",
      "version: \"3\"\n");
  EXPECT_EQ(warnings,
            "compose.yaml:4:14: warning: services.web.deploy.placement is ignored: applies only to a Swarm "
            "cluster\n"
            "compose.yaml:4:45: warning: services.web.deploy.endpoint_mode is ignored: applies only to a "
            "Swarm cluster\n"
            "compose.yaml:5:5: warning: services.web.isolation is ignored: applies only to Windows\n"
            "compose.yaml:6:1: warning: version is ignored: the attribute is obsolete; remove it\n");
  options.strict = true;
  expect_contains(errors(), "compose.yaml:5:5: services.web.isolation is ignored");
}

TEST_F(RulesTest, RefusedKeysAreErrorsUnlessOnlyShown) {
  expect_contains(web_errors("    storage_opt: {size: 1G}\n"),
                  "compose.yaml:4:5: services.web.storage_opt is not supported");
  expect_contains(web_errors("    secrets: [s]\n", "secrets: {s: {external: true}}\n"),
                  "secrets.s.external is not supported");
  options.refuse = false;
  EXPECT_EQ(web("    storage_opt: {size: 1G}\n").storage_opt.size(), 1U);
  expect_contains(warnings, "services.web.storage_opt is not supported");
}

TEST_F(RulesTest, RefusedKeysOfUnusedServicesAreIgnored) {
  project("services:\n  web: {image: a}\n  ai: {image: a, storage_opt: {size: 1G}, profiles: [ai]}\n");
}

TEST_F(RulesTest, ManyMistakesAreShownInOneRunInOrder) {
  std::string text = errors(
      "services:\n  web:\n    imgae: a\n    ports: [\"x:80\"]\n    networks: [front]\n  db:\n    image: "
      "${DB:?set DB}\n    depends_on: [cache]\n"
      "  cache:\n    image: a\n    depends_on: [db]\n");
  EXPECT_EQ(
      text,
      "compose.yaml:3:5: unknown key \"imgae\" in services.web\n  did you mean \"image\"?\n"
      "compose.yaml:4:13: port \"x:80\": invalid port \"x\": expected a number or a range such as 3000-3010\n"
      "compose.yaml:5:16: service web refers to undefined network \"front\"\n  define it under the "
      "top-level key networks\n"
      "compose.yaml:7:12: required variable DB is missing a value: set DB\n"
      "compose.yaml:11:18: dependency cycle: db -> cache -> db\n");
}

TEST_F(RulesTest, ErrorsAreLimited) {
  std::string text = "services:\n  web:\n    image: a\n";
  for (int i = 0; i < 1000; ++i) text += "    zzzzzz" + std::to_string(i) + ": 1\n";
  write("compose.yaml", text);
  auto loaded = load(options);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().size(), 100u);
}

TEST_F(RulesTest, OldBooleansWarn) {
  EXPECT_TRUE(web("    privileged: \"yes\"\n    tty: on\n").privileged);
  expect_contains(warnings, "services.web.privileged: \"yes\" is not a YAML 1.2 boolean\n  write true");
}

}  // namespace
}  // namespace stack::compose

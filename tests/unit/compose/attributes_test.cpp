// Every attribute of a service in its short and long forms, by subject.
#include "fixture.h"

namespace stack::compose {
namespace {

using namespace std::chrono_literals;

class AttributeTest : public ComposeTest {};

TEST_F(AttributeTest, CommandAndEntrypoint) {
  EXPECT_EQ(web("").command, std::nullopt);
  EXPECT_EQ(web("    command: null\n").command, std::nullopt);
  EXPECT_EQ(web("    command: []\n").command, StringList{});
  EXPECT_EQ(web("    command: ''\n").command, StringList{});
  EXPECT_EQ(web("    command: a 'b c'\n").command, (StringList{"a", "b c"}));
  EXPECT_EQ(web("    entrypoint: [a, \"b c\"]\n").entrypoint, (StringList{"a", "b c"}));
}

TEST_F(AttributeTest, Process) {
  Service s =
      web("    working_dir: /w\n    user: \"1:2\"\n    group_add: [wheel, 5]\n    init: true\n    tty: "
          "true\n    stdin_open: true\n"
          "    stop_signal: SIGINT\n    stop_grace_period: 1m30s\n    attach: false\n    platform: "
          "linux/amd64\n    runtime: runc\n");
  EXPECT_EQ(s.working_dir, "/w");
  EXPECT_EQ(s.user, "1:2");
  EXPECT_EQ(s.group_add, (StringList{"wheel", "5"}));
  EXPECT_EQ(s.init, true);
  EXPECT_TRUE(s.tty && s.stdin_open);
  EXPECT_EQ(s.stop_signal, "SIGINT");
  EXPECT_EQ(s.stop_grace_period, 90s);
  EXPECT_EQ(s.attach, false);
  EXPECT_EQ(s.platform, "linux/amd64");
  EXPECT_EQ(s.runtime, "runc");
  EXPECT_EQ(web("").stop_grace_period, std::nullopt);
  EXPECT_EQ(web("    init: false\n").init, false);
}

TEST_F(AttributeTest, EnvironmentForms) {
  options.environment["SET"] = "outside";
  Service list = web("    environment: [A=1, \"B=x=y\", SET, UNSET, \"E=\"]\n");
  EXPECT_EQ(list.environment,
            (Environment{{"A", "1"}, {"B", "x=y"}, {"SET", "outside"}, {"UNSET", std::nullopt}, {"E", ""}}));
  Service map = web("    environment: {A: 1, B: \"x=y\", SET: , UNSET: null, E: \"\"}\n");
  EXPECT_EQ(map.environment, list.environment);
}

TEST_F(AttributeTest, LabelsAndAnnotations) {
  Service s = web("    labels: [a=1, b, \"c=\"]\n    annotations: {x: 1.0, y: true}\n");
  EXPECT_EQ(s.labels, (StringMap{{"a", "1"}, {"b", ""}, {"c", ""}}));
  EXPECT_EQ(s.annotations, (StringMap{{"x", "1.0"}, {"y", "true"}}));
}

TEST_F(AttributeTest, DependsOn) {
  std::string rest = "  db: {image: a}\n  mq: {image: a}\n";
  Service s = web("    depends_on: [db]\n", rest);
  EXPECT_EQ(s.depends_on.at("db"), (Dependency{DependencyCondition::Started, false, true, false}));
  s =
      web("    depends_on:\n      db: {condition: service_healthy, restart: true}\n      mq: {condition: "
          "service_completed_successfully, required: false}\n",
          rest);
  EXPECT_EQ(s.depends_on.at("db"), (Dependency{DependencyCondition::Healthy, true, true, false}));
  EXPECT_EQ(s.depends_on.at("mq"),
            (Dependency{DependencyCondition::CompletedSuccessfully, false, false, false}));
}

TEST_F(AttributeTest, ImplicitDependencies) {
  std::string rest = "  a1: {image: a}\n  a2: {image: a}\n  a3: {image: a}\n  a4: {image: a}\n";
  Service s =
      web("    links: [\"a1:alias\"]\n    volumes_from: [\"a2:ro\", \"container:x\"]\n    pid: service:a3\n  "
          "  depends_on: {a4: {condition: service_healthy}}\n    ipc: service:a4\n",
          rest);
  EXPECT_EQ(s.depends_on.size(), 4u);
  EXPECT_EQ(s.depends_on.at("a1"), (Dependency{DependencyCondition::Started, true, true, true}));
  EXPECT_EQ(s.depends_on.at("a2"), (Dependency{DependencyCondition::Started, false, true, true}));
  EXPECT_EQ(s.depends_on.at("a3"), (Dependency{DependencyCondition::Started, true, true, true}));
  EXPECT_EQ(s.depends_on.at("a4").condition, DependencyCondition::Healthy);
}

TEST_F(AttributeTest, Restart) {
  EXPECT_EQ(web("").restart, std::nullopt);
  EXPECT_EQ(web("    restart: \"no\"\n").restart->mode, RestartMode::No);
  EXPECT_EQ(web("    restart: no\n").restart->mode, RestartMode::No);
  EXPECT_EQ(web("    restart: on-failure:5\n").restart, (RestartPolicy{RestartMode::OnFailure, 5}));
  EXPECT_EQ(web("    restart: unless-stopped\n").restart->mode, RestartMode::UnlessStopped);
}

TEST_F(AttributeTest, Healthcheck) {
  Healthcheck h = *web("    healthcheck: {test: [CMD, a], interval: 1m, timeout: 500ms, retries: \"3\", "
                       "start_period: 2s, start_interval: 100ms}\n")
                       .healthcheck;
  EXPECT_EQ(h.test, (StringList{"CMD", "a"}));
  EXPECT_EQ(h.interval, 60s);
  EXPECT_EQ(h.timeout, 500ms);
  EXPECT_EQ(h.retries, 3u);
  EXPECT_EQ(h.start_period, 2s);
  EXPECT_EQ(h.start_interval, 100ms);
  EXPECT_FALSE(h.disable);
  EXPECT_TRUE(web("    healthcheck: {disable: true}\n").healthcheck->disable);
  EXPECT_TRUE(web("    healthcheck: {test: [NONE]}\n").healthcheck->disable);
  EXPECT_EQ(web("    healthcheck: {interval: 5s}\n").healthcheck->test, StringList{});
}

TEST_F(AttributeTest, Ports) {
  Service s =
      web("    ports:\n      - 80\n      - \"127.0.0.1:8080:80/udp\"\n      - {target: 443, published: "
          "\"8443-8445\", host_ip: \"::1\", protocol: TCP, name: tls, app_protocol: https, mode: host}\n");
  ASSERT_EQ(s.ports.size(), 3u);
  EXPECT_EQ(s.ports[0], (PortMapping{"", "ingress", "", 80, "", "tcp", ""}));
  EXPECT_EQ(s.ports[1], (PortMapping{"", "ingress", "127.0.0.1", 80, "8080", "udp", ""}));
  EXPECT_EQ(s.ports[2], (PortMapping{"tls", "host", "::1", 443, "8443-8445", "tcp", "https"}));
}

TEST_F(AttributeTest, Networks) {
  std::string rest = "networks: {one: , two: {internal: true}}\n";
  EXPECT_EQ(web("").networks, (std::map<std::string, ServiceNetwork>{{"default", {}}}));
  EXPECT_EQ(web("    networks: [one, two]\n", rest).networks.size(), 2u);
  EXPECT_TRUE(web("    network_mode: none\n").networks.empty());
  ServiceNetwork n =
      web("    networks:\n      one: {aliases: [a, b], ipv4_address: 10.0.0.5, ipv6_address: \"fd00::5\", "
          "link_local_ips: [169.254.1.1], mac_address: \"02:42:ac:11:00:02\",\n"
          "            driver_opts: {k: 1}, priority: 5, gw_priority: 7, interface_name: eth9}\n",
          rest)
          .networks.at("one");
  EXPECT_EQ(n.aliases, (StringList{"a", "b"}));
  EXPECT_EQ(n.ipv4_address, "10.0.0.5");
  EXPECT_EQ(n.ipv6_address, "fd00::5");
  EXPECT_EQ(n.link_local_ips, StringList{"169.254.1.1"});
  EXPECT_EQ(n.mac_address, "02:42:ac:11:00:02");
  EXPECT_EQ(n.driver_opts, (StringMap{{"k", "1"}}));
  EXPECT_EQ(n.priority, 5);
  EXPECT_EQ(n.gw_priority, 7);
  EXPECT_EQ(n.interface_name, "eth9");
}

TEST_F(AttributeTest, NamesAndDns) {
  Service s =
      web("    hostname: h\n    domainname: d\n    container_name: cc\n    mac_address: "
          "\"02:42:ac:11:00:02\"\n    dns: 8.8.8.8\n    dns_search: [a, \"\", b]\n    dns_opt: [use-vc]\n"
          "    extra_hosts: {a: 1.1.1.1, b: [2.2.2.2, \"::1\"]}\n    expose: [80, \"90/udp\"]\n    "
          "external_links: [x:y]\n");
  EXPECT_EQ(s.hostname, "h");
  EXPECT_EQ(s.domainname, "d");
  EXPECT_EQ(s.container_name, "cc");
  EXPECT_EQ(s.dns, StringList{"8.8.8.8"});
  EXPECT_EQ(s.dns_search, (StringList{"a", "", "b"}));
  EXPECT_EQ(s.dns_opt, StringList{"use-vc"});
  EXPECT_EQ(s.extra_hosts, (StringList{"a=1.1.1.1", "b=2.2.2.2", "b=::1"}));
  EXPECT_EQ(s.expose, (StringList{"80", "90/udp"}));
  EXPECT_EQ(s.external_links, StringList{"x:y"});
}

TEST_F(AttributeTest, VolumesLongForm) {
  Service s = web(
      "    volumes:\n"
      "      - {type: bind, source: ./a, target: /a, read_only: true, consistency: cached, bind: "
      "{propagation: rslave, create_host_path: false, selinux: z, recursive: readonly}}\n"
      "      - {type: bind, source: ~/b, target: /b}\n"
      "      - {type: volume, source: v, target: /c, volume: {nocopy: true, subpath: s, labels: {l: 1}}}\n"
      "      - {type: tmpfs, target: /d, tmpfs: {size: 10m, mode: 01777}}\n"
      "      - {type: image, source: alpine, target: /e, image: {subpath: etc}}\n"
      "      - {type: volume, target: /f}\n",
      "volumes: {v: }\n");
  ASSERT_EQ(s.volumes.size(), 6u);
  EXPECT_EQ(s.volumes[0].source, path("a"));
  EXPECT_EQ(s.volumes[0].bind, (BindOptions{"rslave", false, "readonly", "z"}));
  EXPECT_TRUE(s.volumes[0].read_only);
  EXPECT_EQ(s.volumes[1].source, "/home/me/b");
  EXPECT_EQ(s.volumes[1].bind, std::nullopt);
  EXPECT_EQ(s.volumes[2].volume, (VolumeOptions{{{"l", "1"}}, true, "s"}));
  EXPECT_EQ(s.volumes[3].tmpfs->size.bytes, 10 << 20);
  EXPECT_EQ(s.volumes[3].tmpfs->mode, 01777u);
  EXPECT_EQ(s.volumes[4].type, MountType::Image);
  EXPECT_EQ(s.volumes[4].image->subpath, "etc");
  EXPECT_EQ(s.volumes[5].source, "");
}

TEST_F(AttributeTest, VolumesShortForm) {
  Service s = web("    volumes: [\"v:/v:nocopy\", /anon, \"../x:/x:ro\", \"/abs:/y:rshared,Z\"]\n",
                  "volumes: {v: }\n");
  EXPECT_TRUE(s.volumes[0].volume->nocopy);
  EXPECT_EQ(s.volumes[1].source, "");
  EXPECT_TRUE(s.volumes[2].bind->create_host_path);
  EXPECT_EQ(s.volumes[2].source, clean_path(path("../x")));
  EXPECT_EQ(s.volumes[3].bind->propagation, "rshared");
  EXPECT_EQ(s.volumes[3].bind->selinux, "Z");
}

TEST_F(AttributeTest, OtherStorage) {
  Service s =
      web("    tmpfs: \"/run:size=1m\"\n    read_only: true\n    shm_size: 128m\n    volumes_from: [db:ro]\n",
          "  db: {image: a}\n");
  EXPECT_EQ(s.tmpfs, StringList{"/run:size=1m"});
  EXPECT_TRUE(s.read_only);
  EXPECT_EQ(s.shm_size.bytes, 128 << 20);
  EXPECT_EQ(s.volumes_from, StringList{"db:ro"});
}

TEST_F(AttributeTest, SecretsAndConfigsWithTheirContents) {
  write("pw.txt", std::string("top\0secret", 10));
  ASSERT_TRUE(ensure_directory(path("certs")));
  options.environment["TOKEN"] = "t0k";
  Project p = project(R"(
services:
  web:
    image: a
    secrets: [pw, {source: token, target: tok, uid: "5", gid: "6", mode: "0440"}, {source: dir, target: /certs}]
    configs: [plain, {source: inline, target: /etc/inline, mode: 0400}]
secrets:
  pw: {file: pw.txt}
  token: {environment: TOKEN}
  dir: {file: ./certs}
  unused: {file: none}
configs:
  plain: {environment: TOKEN, name: real}
  inline: {content: "hello ${TOKEN}\n"}
)");
  const Service& s = p.services["web"];
  EXPECT_EQ(s.secrets.at(0).target, "/run/secrets/pw");
  EXPECT_EQ(s.secrets.at(1), (FileMount{"token", "/run/secrets/tok", "5", "6", 0440}));
  EXPECT_EQ(s.secrets.at(2).target, "/certs");
  EXPECT_EQ(s.configs.at(0).target, "/plain");
  EXPECT_EQ(s.configs.at(1).mode, 0400u);
  EXPECT_EQ(p.secrets["pw"].bytes, std::string("top\0secret", 10));
  EXPECT_EQ(p.secrets["pw"].file, path("pw.txt"));
  EXPECT_EQ(p.secrets["token"].bytes, "t0k");
  EXPECT_TRUE(p.secrets["dir"].directory);
  EXPECT_FALSE(p.secrets.contains("unused"));
  EXPECT_EQ(p.configs["plain"].name, "real");
  EXPECT_EQ(p.configs["inline"].name, "p_inline");
  EXPECT_EQ(p.configs["inline"].bytes, "hello t0k\n");
}

TEST_F(AttributeTest, Resources) {
  Service s =
      web("    cpus: \"0.5\"\n    cpu_shares: 512\n    cpu_quota: 50000\n    cpu_period: 100000\n    cpuset: "
          "0-1\n    cpu_rt_period: 1000\n    cpu_rt_runtime: 500\n"
          "    mem_limit: 1.5g\n    mem_reservation: 512mb\n    memswap_limit: -1\n    mem_swappiness: 60\n  "
          "  oom_kill_disable: true\n    oom_score_adj: -500\n    pids_limit: -1\n"
          "    ulimits: {nproc: 65535, nofile: {soft: 1024, hard: \"2048\"}}\n"
          "    blkio_config: {weight: 300, weight_device: [{path: /dev/sda, weight: 400}], device_read_bps: "
          "[{path: /dev/sda, rate: 12mb}], device_read_iops: [{path: /dev/sda, rate: 120}],\n"
          "                   device_write_bps: [{path: /dev/sda, rate: 1024k}], device_write_iops: [{path: "
          "/dev/sda, rate: 30}]}\n");
  EXPECT_DOUBLE_EQ(s.cpus, 0.5);
  EXPECT_EQ(s.cpu_shares, 512);
  EXPECT_EQ(s.cpu_quota, 50000);
  EXPECT_EQ(s.cpuset, "0-1");
  EXPECT_EQ(s.mem_limit.bytes, int64_t{3} << 29);
  EXPECT_EQ(s.mem_reservation.bytes, 512 << 20);
  EXPECT_EQ(s.memswap_limit.bytes, -1);
  EXPECT_EQ(s.mem_swappiness, 60);
  EXPECT_TRUE(s.oom_kill_disable);
  EXPECT_EQ(s.oom_score_adj, -500);
  EXPECT_EQ(s.pids_limit, -1);
  EXPECT_EQ(s.ulimits.at("nproc"), (Ulimit{65535, 65535}));
  EXPECT_EQ(s.ulimits.at("nofile"), (Ulimit{1024, 2048}));
  EXPECT_EQ(s.blkio_config->weight, 300);
  EXPECT_EQ(s.blkio_config->weight_device.at(0).weight, 400);
  EXPECT_EQ(s.blkio_config->device_read_bps.at(0).rate, 12u << 20U);
  EXPECT_EQ(s.blkio_config->device_write_iops.at(0).rate, 30u);
}

TEST_F(AttributeTest, DeployResourcesSetFlatAttributes) {
  Service s =
      web("    deploy: {resources: {limits: {cpus: \"1.5\", memory: 1g, pids: 50}, reservations: {memory: "
          "256m}}}\n");
  EXPECT_DOUBLE_EQ(s.cpus, 1.5);
  EXPECT_EQ(s.mem_limit.bytes, 1 << 30);
  EXPECT_EQ(s.pids_limit, 50);
  EXPECT_EQ(s.mem_reservation.bytes, 256 << 20);
}

TEST_F(AttributeTest, DeployAndScale) {
  Service s =
      web("    deploy:\n      replicas: 3\n      labels: {a: b}\n      update_config: {parallelism: 2, "
          "delay: 5s, failure_action: rollback, monitor: 1m, max_failure_ratio: 0.25, order: start-first}\n"
          "      rollback_config: {order: stop-first}\n      restart_policy: {condition: on-failure, delay: "
          "1s, max_attempts: 4, window: 2m}\n      placement: {preferences: [{spread: node.x}], "
          "max_replicas_per_node: 2}\n");
  EXPECT_EQ(replicas(s), 3);
  EXPECT_EQ(s.deploy->update_config, (UpdateConfig{2, 5s, "rollback", 60s, 0.25, "start-first"}));
  EXPECT_EQ(s.deploy->rollback_config->order, "stop-first");
  EXPECT_EQ(s.deploy->restart_policy, (DeployRestartPolicy{"on-failure", 1s, 4, 120s}));
  EXPECT_EQ(s.deploy->placement->preferences.at(0).spread, "node.x");
  EXPECT_EQ(replicas(web("    scale: 0\n")), 0);
  EXPECT_EQ(replicas(web("")), 1);
}

TEST_F(AttributeTest, Isolation) {
  Service s =
      web("    cap_add: [NET_ADMIN]\n    cap_drop: [ALL]\n    privileged: true\n    security_opt: "
          "[no-new-privileges]\n    userns_mode: host\n    pid: host\n    ipc: shareable\n    uts: host\n"
          "    cgroup: private\n    cgroup_parent: /x\n    sysctls: [net.core.somaxconn=1024]\n    "
          "device_cgroup_rules: [\"c 1:3 mr\"]\n    devices: [/dev/null, {source: /dev/a, target: /dev/b, "
          "permissions: r}]\n");
  EXPECT_EQ(s.cap_add, StringList{"NET_ADMIN"});
  EXPECT_EQ(s.cap_drop, StringList{"ALL"});
  EXPECT_TRUE(s.privileged);
  EXPECT_EQ(s.sysctls, (StringMap{{"net.core.somaxconn", "1024"}}));
  EXPECT_EQ(s.devices,
            (std::vector<DeviceMapping>{{"/dev/null", "/dev/null", "rwm"}, {"/dev/a", "/dev/b", "r"}}));
  EXPECT_EQ(s.cgroup, "private");
  EXPECT_EQ(s.pid, "host");
}

TEST_F(AttributeTest, Logging) {
  Service s = web("    logging: {driver: json-file, options: {max-size: 10m, max-file: 3}}\n");
  EXPECT_EQ(s.logging, (Logging{"json-file", {{"max-file", "3"}, {"max-size", "10m"}}}));
}

TEST_F(AttributeTest, BuildForms) {
  options.refuse = false;  // shows contexts that are not directories as well
  options.environment["SET"] = "s";
  Service s = project("services: {web: {build: ./dir}}\n").services["web"];
  EXPECT_EQ(s.build->context, path("dir"));
  EXPECT_EQ(s.build->dockerfile, "Dockerfile");
  Project named;
  named.name = "p";
  EXPECT_EQ(image_name(named, s), "p-web");
  Build b = *project(R"(
services:
  web:
    image: named
    build:
      context: https://example.com/repo.git
      dockerfile: D
      args: [A=1, SET, UNSET]
      target: t
      labels: {l: 1}
      additional_contexts: {base: "service:other", dir: ./d, img: "docker-image://x"}
      network: host
      no_cache: true
      pull: true
      shm_size: 1m
      tags: [x:1]
      ssh: [default, "k=./key"]
      secrets: [sec]
      extra_hosts: ["h=1.1.1.1"]
      ulimits: {nofile: 5}
      privileged: true
  other: {build: .}
secrets: {sec: {environment: SET}}
)")
                 .services["web"]
                 .build;
  EXPECT_EQ(b.context, "https://example.com/repo.git");
  EXPECT_EQ(b.args, (StringMap{{"A", "1"}, {"SET", "s"}}));
  EXPECT_EQ(b.additional_contexts,
            (StringMap{{"base", "service:other"}, {"dir", path("d")}, {"img", "docker-image://x"}}));
  EXPECT_EQ(b.ssh, (StringList{"default", "k=" + path("key")}));
  EXPECT_EQ(b.secrets.at(0).source, "sec");
  EXPECT_EQ(b.ulimits.at("nofile").hard, 5);
  EXPECT_TRUE(b.no_cache && b.pull && b.privileged);
  Build inlined = *project("services: {web: {build: {dockerfile_inline: FROM a}}}\n").services["web"].build;
  EXPECT_EQ(inlined.dockerfile, "");
  EXPECT_EQ(inlined.dockerfile_inline, "FROM a");
  EXPECT_EQ(inlined.context, path("compose.yaml").substr(0, path("").size() - 1));
}

TEST_F(AttributeTest, HooksAndWatch) {
  options.refuse = false;
  Service s =
      web("    pre_start: [{command: a b, image: i}]\n    post_start: [{command: [x], user: u, privileged: "
          "true, working_dir: /w, environment: [A=1]}]\n    pre_stop: [{command: y}]\n"
          "    develop: {watch: [{path: ./src, action: sync+exec, target: /src, ignore: node_modules, "
          "include: [\"*.py\"], exec: {command: z}, initial_sync: true}]}\n");
  EXPECT_EQ(s.pre_start.at(0).command, (StringList{"a", "b"}));
  EXPECT_EQ(s.pre_start.at(0).image, "i");
  EXPECT_EQ(s.post_start.at(0).environment, (Environment{{"A", "1"}}));
  EXPECT_TRUE(s.post_start.at(0).privileged);
  EXPECT_EQ(s.pre_stop.at(0).command, StringList{"y"});
  const WatchRule& rule = s.watch.at(0);
  EXPECT_EQ(rule.path, path("src"));
  EXPECT_EQ(rule.ignore, StringList{"node_modules"});
  EXPECT_EQ(rule.include, StringList{"*.py"});
  EXPECT_EQ(rule.exec->command, StringList{"z"});
  EXPECT_TRUE(rule.initial_sync);
}

TEST_F(AttributeTest, PullPolicy) {
  EXPECT_EQ(web("    pull_policy: if_not_present\n").pull_policy, "missing");
  EXPECT_EQ(web("    pull_policy: every_12h\n").pull_policy, "every_12h");
}

TEST_F(AttributeTest, TopLevelNetworks) {
  Project p = project(R"(
services: {web: {image: a, networks: [one, ext, old, default]}}
networks:
  one: {driver: bridge, driver_opts: {mtu: 1400}, internal: true, attachable: true, enable_ipv6: true, enable_ipv4: false, labels: [a=1],
        ipam: {driver: default, options: {o: p}, config: [{subnet: 10.5.0.0/16, gateway: 10.5.0.1, ip_range: 10.5.1.0/24, aux_addresses: {h: 10.5.0.9}}]}}
  ext: {external: true}
  old: {external: {name: real}}
)");
  const Network& one = p.networks["one"];
  EXPECT_EQ(one.name, "p_one");
  EXPECT_EQ(one.driver_opts, (StringMap{{"mtu", "1400"}}));
  EXPECT_TRUE(one.internal && one.attachable);
  EXPECT_EQ(one.enable_ipv6, true);
  EXPECT_EQ(one.enable_ipv4, false);
  EXPECT_EQ(one.ipam.config.at(0).aux_addresses, (StringMap{{"h", "10.5.0.9"}}));
  EXPECT_EQ(one.ipam.options, (StringMap{{"o", "p"}}));
  EXPECT_EQ(p.networks["ext"].name, "ext");
  EXPECT_TRUE(p.networks["old"].external);
  EXPECT_EQ(p.networks["old"].name, "real");
  EXPECT_EQ(p.networks["default"].name, "p_default");
}

TEST_F(AttributeTest, TopLevelVolumes) {
  Project p = project(R"(
services: {web: {image: a, volumes: ["one:/1", "ext:/2", "dev:/3"]}}
volumes:
  one: {name: mine, driver: local, labels: {a: 1}}
  ext: {external: true, name: real}
  dev: {driver_opts: {type: none, o: "bind,rw", device: ./data}}
)");
  EXPECT_EQ(p.volumes["one"].name, "mine");
  EXPECT_EQ(p.volumes["ext"].name, "real");
  EXPECT_EQ(p.volumes["dev"].driver_opts.at("device"), path("data"));
}

TEST_F(AttributeTest, DefaultNetworkExistsOnlyIfUsed) {
  EXPECT_FALSE(project("services: {web: {image: a, network_mode: host}}\n").networks.contains("default"));
  EXPECT_TRUE(project("services: {web: {image: a}}\n").networks.contains("default"));
  EXPECT_EQ(project("services: {web: {image: a}}\nnetworks: {default: {name: n}}\n").networks["default"].name,
            "n");
}

TEST_F(AttributeTest, AcceleratorsAreReadIfOnlyShown) {
  options.refuse = false;
  Service s =
      web("    gpus: [{count: all, driver: nvidia}, {device_ids: [\"0\"]}]\n    deploy: {resources: "
          "{reservations: {devices: [{capabilities: [gpu], count: 1, options: {a: b}}]}}}\n");
  EXPECT_EQ(s.gpus.at(0).count, -1);
  EXPECT_EQ(s.gpus.at(1).device_ids, StringList{"0"});
  EXPECT_EQ(s.deploy->reservations->devices.at(0).options, (StringMap{{"a", "b"}}));
  expect_contains(web_errors("    gpus: [{count: 1, device_ids: [a]}]\n"),
                  "count and device_ids cannot be used together");
}

TEST_F(AttributeTest, OriginsNameThePositionsOfValuesThatCanFailLater) {
  Project p = project(
      "services:\n  web:\n    image: a\n    ports:\n      - \"1-2:1-2\"\n    volumes:\n      - ./x:/x\n    "
      "networks: [n]\nnetworks:\n  n: {}\n");
  EXPECT_EQ(origin_of(p, "/services/web/image"), "compose.yaml:3:12");
  EXPECT_EQ(origin_of(p, "/services/web/ports/1"), "compose.yaml:5:9");
  EXPECT_EQ(origin_of(p, "/services/web/volumes/0/source"), "compose.yaml:7:9");
  EXPECT_EQ(origin_of(p, "/services/web/user"), "compose.yaml:2:3");
  EXPECT_EQ(origin_of(p, "/networks/n"), "compose.yaml:10:3");
}

}  // namespace
}  // namespace stack::compose

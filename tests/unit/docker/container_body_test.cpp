#include "docker/container_body.h"

#include <gtest/gtest.h>

using namespace stack;

namespace {

// A spec in which no member has its default value.
ContainerSpec full_spec() {
  ContainerSpec spec;
  spec.name = "shop-web-1";
  spec.image = "nginx:1.27";
  spec.entrypoint = {{"/entry", "-v"}};
  spec.command = {{"serve"}};
  spec.env = {"A=1", "B"};
  spec.working_dir = "/srv";
  spec.user = "1000:1000";
  spec.group_add = {"video"};
  spec.hostname = "web";
  spec.domainname = "example";
  spec.tty = spec.open_stdin = spec.stdin_once = true;
  spec.stop_signal = "SIGQUIT";
  spec.stop_timeout = std::chrono::seconds(3);
  spec.healthcheck =
      HealthcheckSpec{{"CMD", "true"},         std::chrono::seconds(1), std::chrono::seconds(2),
                      std::chrono::seconds(3), std::chrono::seconds(4), 5};
  spec.labels = {{"a", "b"}};
  spec.annotations = {{"c", "d"}};
  spec.exposed_ports = {"53/udp", "80/tcp"};
  MountSpec bind;
  bind.kind = MountKind::Bind;
  bind.source = "/host";
  bind.target = "/in";
  bind.read_only = true;
  bind.propagation = "rslave";
  bind.create_host_path = true;
  bind.recursive = false;
  MountSpec volume;
  volume.source = "shop_data";
  volume.target = "/data";
  volume.no_copy = true;
  volume.subpath = "sub";
  volume.volume_labels = {{"x", "y"}};
  MountSpec tmpfs;
  tmpfs.kind = MountKind::Tmpfs;
  tmpfs.target = "/run";
  tmpfs.tmpfs_size = ByteSize{1 << 20};
  tmpfs.tmpfs_mode = 0755;
  tmpfs.tmpfs_options = "uid=1000,noexec";
  MountSpec image;
  image.kind = MountKind::Image;
  image.source = "tools:1";
  image.target = "/tools";
  image.subpath = "bin";
  MountSpec anonymous;
  anonymous.target = "/cache";
  spec.mounts = {bind, volume, tmpfs, image, anonymous};
  spec.files = {{"/run/secrets/key", std::string("\x00\xff plain", 8), "", 1, 2, 0400, true},
                {"/etc/app.conf", "text\n", "", 0, 0, 0444, false},
                {"/etc/bound", "", "/host/file", 0, 0, 0444, false}};
  spec.volumes_from = {"other:ro"};
  spec.read_only = true;
  spec.shm_size = ByteSize{64 << 20};
  spec.storage_opt = {{"size", "1G"}};
  EndpointSpec back;
  back.network = "shop_back";
  back.aliases = {"web", "www"};
  back.ipv4_address = *parse_ip("10.1.2.3");
  back.ipv6_address = *parse_ip("fd00::3");
  back.mac_address = *parse_mac("02:00:00:00:00:01");
  back.link_local_ips = {*parse_ip("169.254.1.1")};
  back.interface_name = "eth7";
  back.priority = 10;
  back.gw_priority = 20;
  back.driver_opts = {{"o", "p"}};
  EndpointSpec front;
  front.network = "shop_a";
  spec.endpoints = {back, front};
  spec.ports = {{53, Protocol::Udp, *parse_ip("127.0.0.1"), 5353, 0},
                {80, Protocol::Tcp, {}, 8000, 8010},
                {80, Protocol::Tcp, *parse_ip("::1"), 0, 0}};
  spec.publish_all = true;
  spec.links = {"shop-db-1:db"};
  spec.extra_hosts = {"host:host-gateway"};
  spec.dns = {"9.9.9.9"};
  spec.dns_search = {"example.org"};
  spec.dns_options = {"ndots:2"};
  spec.privileged = true;
  spec.cap_add = {"NET_ADMIN"};
  spec.cap_drop = {"ALL"};
  spec.security_opt = {"no-new-privileges:true"};
  spec.sysctls = {{"net.core.somaxconn", "1024"}};
  spec.ipc_mode = "host";
  spec.pid_mode = "host";
  spec.uts_mode = "host";
  spec.userns_mode = "host";
  spec.cgroup_mode = "host";
  spec.oom_score_adj = -5;
  spec.init = false;
  spec.runtime = "crun";
  spec.platform = "linux/amd64";
  ResourceSpec& r = spec.resources;
  r.memory = 1;
  r.memory_reservation = 2;
  r.memory_swap = -1;
  r.memory_swappiness = 0;
  r.nano_cpus = 4;
  r.cpu_shares = 5;
  r.cpu_period = 6;
  r.cpu_quota = 7;
  r.cpu_rt_period = 8;
  r.cpu_rt_runtime = 9;
  r.cpuset_cpus = "0-1";
  r.cpuset_mems = "0";
  r.pids_limit = 10;
  r.oom_kill_disable = true;
  r.blkio = {{"weight", 100}, {"device_read_bps", Json::array({{{"path", "/dev/sda"}, {"rate", 5}}})}};
  r.ulimits = {{"nofile", 10, -1}};
  r.devices = {{"/dev/fuse", "/dev/fuse2", "rw"}};
  r.device_cgroup_rules = {"c 1:3 mr"};
  r.cgroup_parent = "/mine";
  spec.restart = {"on-failure", 3};
  spec.auto_remove = true;
  spec.log = {"local", {{"max-size", "1m"}}};
  spec.post_start = {{{"warm", "up"}, "root", true, "/", {"K=V"}}};
  spec.pre_stop = {{{"drain"}, "", false, "", {}}};
  return spec;
}

ContainerSpec read(const std::string& text) {
  auto spec = docker::container_from_json(*parse_json(text));
  if (!spec) {
    ADD_FAILURE() << spec.error().text();
    return {};
  }
  return *spec;
}

std::string refusal(const std::string& text) {
  auto spec = docker::container_from_json(*parse_json(text));
  return spec ? "accepted" : spec.error().text();
}

}  // namespace

TEST(ContainerSpecJson, RoundTripsEveryMember) {
  Json json = docker::container_to_json(full_spec());
  auto again = docker::container_from_json(json);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(to_text(docker::container_to_json(*again)), to_text(json));
  EXPECT_EQ(again->name, "shop-web-1");
  EXPECT_EQ(again->files[0].content, std::string("\x00\xff plain", 8));
  EXPECT_EQ(again->files[0].mode, 0400u);
  EXPECT_EQ(again->endpoints[0].network, "shop_back");
  EXPECT_EQ(again->endpoints[0].interface_name, "eth7");
  EXPECT_EQ(again->endpoints[0].priority, 10);
  EXPECT_EQ(again->mounts[2].tmpfs_options, "uid=1000,noexec");
  EXPECT_EQ(*again->mounts[2].tmpfs_mode, 0755u);
  EXPECT_FALSE(again->mounts[0].recursive);
  EXPECT_EQ(again->ports[1].host_port_end, 8010);
  EXPECT_EQ(*again->resources.memory_swappiness, 0);
  EXPECT_EQ(*again->init, false);
  EXPECT_EQ(again->pre_stop[0].command, std::vector<std::string>{"drain"});
  EXPECT_EQ(again->stop_timeout, std::chrono::seconds(3));
}

TEST(ContainerSpecJson, TextSurvivesDumpAndParse) {
  std::string text = to_text(docker::container_to_json(full_spec()));
  EXPECT_EQ(to_text(docker::container_to_json(read(text))), text);
}

TEST(ContainerSpecJson, NoNetworkStaysNoNetwork) {
  ContainerSpec spec;
  spec.image = "a";
  auto again = docker::container_from_json(docker::container_to_json(spec));
  EXPECT_EQ(again->network_mode, "none");
  EXPECT_TRUE(again->endpoints.empty());
}

TEST(ContainerSpecJson, ReadsABodyOfTheDockerCommandLine) {
  auto spec = read(
      R"({"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":true,"AttachStderr":true,
    "ExposedPorts":{"80/tcp":{}},"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"nginx",
    "Volumes":{"/var/cache":{}},"WorkingDir":"","Entrypoint":null,"Labels":{},
    "HostConfig":{"Binds":["/srv/html:/usr/share/nginx/html:ro,z","named:/data:nocopy"],"ContainerIDFile":"",
      "LogConfig":{"Type":"","Config":{}},"NetworkMode":"default","PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]},
      "RestartPolicy":{"Name":"no","MaximumRetryCount":0},"AutoRemove":true,"VolumeDriver":"","VolumesFrom":null,
      "ConsoleSize":[24,80],"CapAdd":null,"CapDrop":null,"CgroupnsMode":"","Dns":[],"DnsOptions":[],"DnsSearch":[],
      "ExtraHosts":null,"GroupAdd":null,"IpcMode":"","Cgroup":"","Links":null,"OomScoreAdj":0,"PidMode":"",
      "Privileged":false,"PublishAllPorts":false,"ReadonlyRootfs":false,"SecurityOpt":null,"UTSMode":"","UsernsMode":"",
      "ShmSize":0,"Isolation":"","CpuShares":0,"Memory":0,"NanoCpus":0,"CgroupParent":"","BlkioWeight":0,
      "BlkioWeightDevice":[],"BlkioDeviceReadBps":[],"CpuPeriod":0,"Devices":[],"DeviceCgroupRules":null,
      "DeviceRequests":null,"MemorySwap":0,"MemorySwappiness":-1,"OomKillDisable":false,"PidsLimit":0,"Ulimits":[],
      "Tmpfs":{"/run":"rw,size=64m,mode=1777,noexec"},"MaskedPaths":null,"ReadonlyPaths":null},
    "NetworkingConfig":{"EndpointsConfig":{"default":{"IPAMConfig":null,"Links":null,"Aliases":null,"MacAddress":""}}}})");
  EXPECT_FALSE(spec.command);
  EXPECT_FALSE(spec.entrypoint);
  ASSERT_EQ(spec.mounts.size(), 4u);
  EXPECT_EQ(spec.mounts[0].kind, MountKind::Bind);
  EXPECT_TRUE(spec.mounts[0].read_only && spec.mounts[0].create_host_path);
  EXPECT_EQ(spec.mounts[1].kind, MountKind::Volume);
  EXPECT_TRUE(spec.mounts[1].no_copy);
  EXPECT_EQ(spec.mounts[2].tmpfs_size->bytes, 64 << 20);
  EXPECT_EQ(*spec.mounts[2].tmpfs_mode, 01777u);
  EXPECT_EQ(spec.mounts[2].tmpfs_options, "noexec");
  EXPECT_EQ(spec.mounts[3].target, "/var/cache");
  ASSERT_EQ(spec.endpoints.size(), 1u);
  EXPECT_EQ(spec.endpoints[0].network, "bridge");
  EXPECT_EQ(spec.ports[0].host_port, 8080);
  EXPECT_TRUE(spec.auto_remove);
  EXPECT_EQ(spec.log.driver, "json-file");
  EXPECT_FALSE(spec.resources.memory_swappiness);
  EXPECT_FALSE(spec.shm_size);
  EXPECT_FALSE(spec.oom_score_adj);
}

TEST(ContainerSpecJson, ReadsABodyOfDockerPy) {
  auto spec = read(R"({"Image":"alpine","Cmd":["echo","hi"],"Env":["A=1"],
    "HostConfig":{"NetworkMode":"default","Memory":134217728,"PortBindings":{"5000/tcp":[{"HostIp":"","HostPort":""}],
    "53/udp":[{"HostIp":"127.0.0.1","HostPort":"5353"}]},"Ulimits":[{"Name":"nofile","Soft":1024,"Hard":2048}]}})");
  EXPECT_EQ(spec.resources.memory, 128 << 20);
  ASSERT_EQ(spec.ports.size(), 2u);
  EXPECT_EQ(spec.ports[0].host_port, 0);
  EXPECT_EQ(spec.ports[1].protocol, Protocol::Udp);
  EXPECT_EQ(spec.endpoints[0].network, "bridge");
  EXPECT_EQ(spec.resources.ulimits[0].hard, 2048);
}

TEST(ContainerSpecJson, ReadsABodyOfDockerCompose) {
  auto spec = read(R"({"Image":"redis:7","Cmd":null,"Labels":{"com.docker.compose.project":"shop"},
    "Healthcheck":{"Test":["CMD","redis-cli","ping"],"Interval":1000000000,"Retries":5},
    "HostConfig":{"NetworkMode":"shop_default","Mounts":[{"Type":"volume","Source":"shop_data","Target":"/data/",
    "VolumeOptions":{}}],"RestartPolicy":{"Name":"unless-stopped"}},
    "NetworkingConfig":{"EndpointsConfig":{"shop_back":{"Aliases":["redis"]},"shop_default":{"Aliases":["redis"],
    "DriverOpts":{"com.docker.network.endpoint.ifname":"lan0"}}}}})");
  EXPECT_EQ(spec.endpoints[0].network, "shop_default");
  EXPECT_EQ(spec.endpoints[0].interface_name, "lan0");
  EXPECT_EQ(spec.endpoints[1].network, "shop_back");
  EXPECT_EQ(spec.healthcheck->interval, std::chrono::seconds(1));
  EXPECT_EQ(spec.mounts[0].target, "/data");
  EXPECT_EQ(spec.restart.name, "unless-stopped");
}

TEST(ContainerSpecJson, EntrypointDropsTheImagesCommand) {
  EXPECT_TRUE(read(R"({"Image":"a","Entrypoint":"/run"})").command->empty());
  auto reset = read(R"({"Image":"a","Entrypoint":[""]})");
  EXPECT_TRUE(reset.entrypoint && reset.entrypoint->empty());
  EXPECT_FALSE(read(R"({"Image":"a","Entrypoint":[]})").command);
}

TEST(ContainerSpecJson, NamespaceModesAreKept) {
  for (const char* mode : {"", "none", "private", "shareable", "host", "container:x"})
    EXPECT_EQ(read(R"({"Image":"a","HostConfig":{"IpcMode":")" + std::string(mode) + "\"}}").ipc_mode, mode);
}

TEST(ContainerSpecJson, NetworkModesAreKept) {
  EXPECT_EQ(read(R"({"Image":"a","HostConfig":{"NetworkMode":"host"}})").network_mode, "host");
  EXPECT_EQ(read(R"({"Image":"a","HostConfig":{"NetworkMode":"container:x"}})").network_mode, "container:x");
  EXPECT_EQ(read(R"({"Image":"a","NetworkDisabled":true})").network_mode, "none");
  EXPECT_EQ(read(R"({"Image":"a","HostConfig":{"NetworkMode":"mine"}})").endpoints[0].network, "mine");
  EXPECT_EQ(read(R"({"Image":"a"})").endpoints[0].network, "bridge");
  EXPECT_EQ(read(R"({"Image":"a","MacAddress":"02:00:00:00:00:09"})").endpoints[0].mac_address,
            *parse_mac("02:00:00:00:00:09"));
}

TEST(ContainerSpecJson, EmptyAddressesAreAbsentAndWrongOnesNameTheMember) {
  const std::string endpoint =
      R"({"Image":"a","NetworkingConfig":{"EndpointsConfig":{"n":{"IPAMConfig":{"IPv4Address":)";
  EXPECT_EQ(read(endpoint + R"(""}}}}})").endpoints[0].ipv4_address, std::nullopt);
  EXPECT_EQ(read(endpoint + R"("10.0.0.9"}}}}})").endpoints[0].ipv4_address, *parse_ip("10.0.0.9"));
  EXPECT_EQ(refusal(endpoint + R"("10.0.0"}}}}})"),
            "NetworkingConfig.EndpointsConfig.n.IPAMConfig.IPv4Address: must be an IP address");
  EXPECT_EQ(refusal(R"({"Image":"a","MacAddress":"02:00"})"), "MacAddress: must be a MAC address");
  EXPECT_EQ(refusal(R"({"Image":"a","HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"here"}]}}})"),
            "HostConfig.PortBindings.80/tcp: invalid IP address 'here'");
}

TEST(ContainerSpecJson, UnconfinedSystemPathsBecomeASecurityOption) {
  auto spec = read(R"({"Image":"a","HostConfig":{"MaskedPaths":[],"ReadonlyPaths":[]}})");
  EXPECT_EQ(spec.security_opt, std::vector<std::string>{"systempaths=unconfined"});
}

TEST(ContainerSpecJson, ErrorsNameTheMember) {
  EXPECT_EQ(refusal(R"({})"), "Image: must name an image");
  EXPECT_EQ(refusal(R"([])"), "body: must be an object");
  EXPECT_EQ(refusal(R"({"Image":1})"), "Image: must be a string");
  EXPECT_EQ(refusal(R"({"Image":"a","Env":["A",1]})"), "Env: must be a list of strings");
  EXPECT_EQ(refusal(R"({"Image":"a","Labels":{"x":1}})"), "Labels.x: must be a string");
  EXPECT_EQ(refusal(R"({"Image":"a","HostConfig":{"Memory":"1g"}})"),
            "HostConfig.Memory: must be an integer");
  EXPECT_EQ(refusal(R"({"Image":"a","HostConfig":{"Memory":18446744073709551615}})"),
            "HostConfig.Memory: must be an integer in range");
  EXPECT_EQ(refusal(R"({"Image":"a","HostConfig":3})"), "HostConfig: must be an object");
  EXPECT_EQ(refusal(R"({"Image":"a","HostConfig":{"Mounts":[{"Type":"npipe","Target":"/x"}]}})"),
            "HostConfig.Mounts[0].Type: must be bind, volume, tmpfs or image");
  EXPECT_EQ(
      refusal(R"({"Image":"a","HostConfig":{"Mounts":[{"Type":"bind","Source":"rel","Target":"/x"}]}})"),
      "HostConfig.Mounts[0].Source: must be an absolute path");
  EXPECT_EQ(refusal(R"({"Image":"a","HostConfig":{"Binds":["/a"]}})"),
            "HostConfig.Binds: \"/a\" is not source:target[:options]");
  EXPECT_EQ(refusal(R"({"Image":"a","HostConfig":{"PortBindings":{"80/xxx":[{}]}}})"),
            "HostConfig.PortBindings: port \"80/xxx\": unknown protocol");
  EXPECT_EQ(refusal(R"({"Image":"a","HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"99999"}]}}})"),
            "HostConfig.PortBindings.80/tcp: \"99999\" is not a port");
  EXPECT_EQ(refusal(R"({"Image":"a","HostConfig":{"RestartPolicy":{"Name":"often"}}})"),
            "HostConfig.RestartPolicy.Name: unknown restart policy \"often\"");
  EXPECT_EQ(refusal(R"({"Image":"a","HostConfig":{"DeviceRequests":[{"Driver":"tpu"}]}})"),
            "HostConfig.DeviceRequests[0]: device requests for the driver \"tpu\" are not supported; use "
            "cdi, nvidia, "
            "or amd");
  EXPECT_EQ(refusal(R"({"Image":"a","Healthcheck":{"Interval":-1}})"),
            "Healthcheck.Interval: must be a duration that is not negative");
  EXPECT_EQ(refusal(R"({"Image":"a","Stack":{"Files":[{"Target":"/x","ContentHex":"zz"}]}})"),
            "Stack.Files[0].ContentHex: must be pairs of hexadecimal digits");
}

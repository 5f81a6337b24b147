#include "orchestrator/plan/preflight.h"

#include <gtest/gtest.h>

#include "world.h"

using namespace stack;
using namespace stack::orchestrator;
using namespace stack::orchestrator::testing;

namespace {

struct Machine {
  std::map<uint16_t, std::string> ports;
  std::set<std::string> paths;
  bool can_pull = false;

  HostFacts facts() const {
    HostFacts facts;
    facts.port_taken = [this](const std::optional<IpAddress>&, uint16_t port,
                              Protocol) -> std::optional<std::string> {
      auto at = ports.find(port);
      if (at == ports.end()) return std::nullopt;
      return at->second;
    };
    facts.path_exists = [this](const std::string& path) { return paths.count(path) != 0; };
    facts.can_pull = [this](const std::string&) { return can_pull; };
    facts.container_known = [](const std::string& name) { return name == "known"; };
    return facts;
  }
};

using Lines = std::vector<std::string>;

Lines problems(const compose::Project& project, const World& world, const Machine& machine = {},
               const DesiredOptions& wanted = {}) {
  DesiredState state = desired(project, wanted);
  Plan plan = reconcile(state, world.state);
  Lines lines;
  for (const Problem& problem : preflight(project, state, plan, world.state, machine.facts())) {
    lines.push_back(problem.text);
  }
  return lines;
}

compose::Project web_on(uint16_t port) {
  auto project = shop();
  publish(add_service(project, "web", "web:1"), port, 80);
  project.origins["/services/web/ports/0"] = "compose.yaml:7:9";
  return project;
}

World with_images(const compose::Project& project) {
  World world;
  world.have_images(project);
  return world;
}

void add_bind(compose::Service& service, const std::string& source, const std::string& target, bool create) {
  compose::VolumeMount mount;
  mount.type = compose::MountType::Bind;
  mount.source = source;
  mount.target = target;
  mount.bind.emplace().create_host_path = create;
  service.volumes.push_back(mount);
}

}  // namespace

TEST(Preflight, NetworkOfANetworkModeMustExist) {
  auto project = shop();
  compose::Service& web = add_service(project, "web", "web:1");
  web.networks.clear();
  web.network_mode = "proxy_net";
  World world = with_images(project);
  EXPECT_EQ(problems(project, world), Lines{"service web: network proxy_net does not exist"});
  world.state.networks.push_back({"id", "proxy_net", {}});
  EXPECT_EQ(problems(project, world), Lines{});
}

TEST(Preflight, DockerSocketNeedNotExist) {
  auto project = shop();
  add_bind(add_service(project, "web", "web:1"), "/var/run/docker.sock", "/var/run/docker.sock", false);
  EXPECT_EQ(problems(project, with_images(project)), Lines{});
  EXPECT_EQ(desired(project).warnings,
            Lines{"service web: the Docker socket is replaced with the socket of stack's API"});
  DesiredOptions refused;
  refused.no_docker_socket = true;
  auto state = desired_state(project, refused);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().text(),
            "service web: the service mounts the Docker socket, which --no-docker-socket forbids");
}

TEST(Preflight, NamesTheHolderOfAPort) {
  auto project = web_on(8080);
  Machine machine;
  machine.ports[8080] = "process nginx (pid 812)";
  EXPECT_EQ(problems(project, with_images(project), machine),
            Lines{"compose.yaml:7:9: service web: port 8080/tcp is taken by process nginx (pid 812)"});
  EXPECT_EQ(problems(project, with_images(project)), Lines{});
}

TEST(Preflight, RangeRequiresOneFreePort) {
  auto project = web_on(0);
  project.services.at("web").ports[0].published = "3000-3001";
  Machine machine;
  machine.ports[3000] = "x";
  EXPECT_EQ(problems(project, with_images(project), machine), Lines{});
  machine.ports[3001] = "x";
  EXPECT_EQ(problems(project, with_images(project), machine),
            Lines{"compose.yaml:7:9: service web: port 3000-3001/tcp is taken by x"});
}

TEST(Preflight, PortsOfReplacedContainersAreFree) {
  auto project = web_on(8080);
  World world = up(project);
  Machine machine;
  machine.ports[8080] = "container shop-web-1";
  EXPECT_EQ(problems(project, world, machine), Lines{});
  project.services.at("web").user = "1";
  EXPECT_EQ(problems(project, world, machine), Lines{});
}

TEST(Preflight, PortsOfKeptContainersAreTaken) {
  auto project = web_on(8080);
  World world = up(project);
  auto renamed = shop();
  publish(add_service(renamed, "site", "web:1"), 8080, 80);
  EXPECT_EQ(problems(renamed, world), Lines{"service site: port 8080/tcp is taken by container shop-web-1"});
}

TEST(Preflight, DuplicatePortInTheProject) {
  auto project = web_on(8080);
  publish(add_service(project, "api", "web:1"), 8080, 80);
  EXPECT_EQ(problems(project, with_images(project)),
            Lines{"compose.yaml:7:9: service web: port 8080/tcp is also published by service api"});
  project.services.at("api").ports[0].host_ip = "127.0.0.1";
  project.services.at("web").ports[0].host_ip = "127.0.0.2";
  EXPECT_EQ(problems(project, with_images(project)), Lines{});
  project = web_on(8080);
  EXPECT_EQ(problems(project, with_images(project), {}, {{{"web", 2}}, {}, false}),
            Lines{"compose.yaml:7:9: service web: 2 containers cannot share port 8080/tcp; publish a range "
                  "or omit the host port"});
}

TEST(Preflight, BindSourcesMustExistOrBeCreatable) {
  auto project = shop();
  compose::Service& web = add_service(project, "web", "web:1");
  add_bind(web, "/srv/shop/gone", "/a", false);
  add_bind(web, "/srv/shop/html", "/b", true);
  add_bind(web, "/srv/shop/nginx.conf", "/etc/nginx/nginx.conf", true);
  add_bind(web, "/srv/shop/conf.d", "/etc/nginx/conf.d", true);
  EXPECT_EQ(problems(project, with_images(project)),
            (Lines{"service web: bind source /srv/shop/gone does not exist",
                   "service web: bind source /srv/shop/nginx.conf does not exist and looks like a file, so a "
                   "directory is not created in its place"}));
  EXPECT_EQ(problems(project, with_images(project), {{}, {"/srv/shop/gone", "/srv/shop/nginx.conf"}, false}),
            Lines{});
}

TEST(Preflight, NamesOfOtherProjectsAreTaken) {
  auto project = shop();
  add_service(project, "web", "web:1").container_name = "main";
  World world = with_images(project);
  world.state.other_names["main"] = "project blog";
  EXPECT_EQ(problems(project, world), Lines{"service web: container name main is taken by project blog"});
}

TEST(Preflight, ExternalResourcesMustExist) {
  auto project = shop();
  add_service(project, "web", "web:1");
  project.networks.at("default").external = true;
  project.volumes["data"].name = "their_data";
  project.volumes["data"].external = true;
  EXPECT_EQ(problems(project, with_images(project)),
            (Lines{"network shop_default declared as external, but could not be found",
                   "volume their_data declared as external, but could not be found"}));
}

TEST(Preflight, NetworksMustHaveEnoughAddresses) {
  auto project = shop();
  add_service(project, "web", "web:1").scale = 1024;
  World world = with_images(project);
  EXPECT_EQ(problems(project, world), Lines{"network shop_default holds at most 1023 containers; this "
                                            "project has 1024 on it; use several networks"});
  project.services.at("web").scale = 254;
  EXPECT_EQ(problems(project, world), Lines{});
  world.state.networks.push_back({"n1", "shop_default", {}, "", 253});
  EXPECT_EQ(problems(project, world),
            Lines{"network shop_default holds at most 253 containers; this project has 254 on it; use "
                  "several networks, or remove the network so that a larger one is created"});
}

TEST(Preflight, ImagesMustBeLocalBuildableOrPullable) {
  auto project = shop();
  add_service(project, "web", "web:1");
  EXPECT_EQ(
      problems(project, World()),
      Lines{
          "service web: image web:1 is not on this machine, and its name is not a valid registry reference"});
  EXPECT_EQ(problems(project, World(), {{}, {}, true}), Lines{});
  project.services.at("web").pull_policy = "never";
  EXPECT_EQ(problems(project, World()), Lines{"service web: image web:1 is not on this machine, and its pull "
                                              "policy is \"never\"; get it with `stack image pull web:1`"});
}

TEST(Preflight, BuildsRequireTheirContextAndDockerfile) {
  auto project = shop();
  compose::Build& build = add_service(project, "web", "").build.emplace();
  build.context = "/srv/shop/web";
  build.dockerfile = "Dockerfile";
  EXPECT_EQ(problems(project, World()), Lines{"service web: build context /srv/shop/web does not exist"});
  EXPECT_EQ(problems(project, World(), {{}, {"/srv/shop/web"}, false}),
            Lines{"service web: Dockerfile /srv/shop/web/Dockerfile does not exist"});
}

TEST(Preflight, DevicesAndContainersMustExist) {
  auto project = shop();
  compose::Service& web = add_service(project, "web", "web:1");
  web.devices.push_back({"/dev/nope", "/dev/nope", "rwm"});
  web.volumes_from = {"container:missing", "container:known"};
  web.external_links = {"known:db", "absent:cache"};
  EXPECT_EQ(problems(project, with_images(project)), (Lines{"service web: device /dev/nope does not exist",
                                                            "service web: container missing does not exist",
                                                            "service web: container absent does not exist"}));
}

TEST(Preflight, ReportsEverythingAtOnceAndNothingForAnIdlePlan) {
  auto project = web_on(8080);
  add_bind(project.services.at("web"), "/gone", "/a", false);
  Machine machine;
  machine.ports[8080] = "x";
  EXPECT_EQ(problems(project, World(), machine).size(), 3u);
  machine.paths = {"/gone"};
  EXPECT_EQ(problems(project, up(project), {{{8080, "x"}}, {}, false}), Lines{});
}

#include "orchestrator/plan/desired.h"

#include <gtest/gtest.h>

#include "model/labels.h"
#include "orchestrator/compose/service_hash.h"
#include "world.h"

using namespace stack;
using namespace stack::orchestrator;
using namespace stack::orchestrator::testing;

namespace {

compose::Project two_services() {
  auto project = shop();
  add_service(project, "db", "postgres:16");
  compose::Service& web = add_service(project, "web", "");
  web.build.emplace().context = "/srv/shop/web";
  depend(project, "web", "db", compose::DependencyCondition::Healthy, true);
  return project;
}

std::string refusal(const compose::Project& project, const DesiredOptions& options = {}) {
  auto state = desired_state(project, options);
  return state ? "accepted" : state.error().text();
}

ContainerSpec spec_of(const compose::Project& project, const std::string& service, int number = 1) {
  DesiredState state = desired(project);
  return container_spec_of(state, state.services.at(service), number);
}

std::string hash_of(const compose::Project& project, const std::string& service) {
  return desired(project).services.at(service).config_hash;
}

}  // namespace

TEST(DesiredState, NamesAndLabelsMatchDockerCompose) {
  auto project = two_services();
  project.env_files = {"/srv/shop/.env"};
  ContainerSpec spec = spec_of(project, "web", 2);
  EXPECT_EQ(spec.name, "shop-web-2");
  EXPECT_EQ(spec.image, "shop-web");
  EXPECT_EQ(spec.labels.at("com.docker.compose.project"), "shop");
  EXPECT_EQ(spec.labels.at("com.docker.compose.service"), "web");
  EXPECT_EQ(spec.labels.at("com.docker.compose.container-number"), "2");
  EXPECT_EQ(spec.labels.at("com.docker.compose.oneoff"), "False");
  EXPECT_EQ(spec.labels.at("com.docker.compose.depends_on"), "db:service_healthy:true");
  EXPECT_EQ(spec.labels.at("com.docker.compose.project.working_dir"), "/srv/shop");
  EXPECT_EQ(spec.labels.at("com.docker.compose.project.config_files"), "/srv/shop/compose.yaml");
  EXPECT_EQ(spec.labels.at("com.docker.compose.project.environment_file"), "/srv/shop/.env");
  EXPECT_EQ(spec.labels.at("com.docker.compose.config-hash").size(), 64u);
  DesiredState state = desired(project);
  EXPECT_EQ(state.networks.at("default").labels.at("com.docker.compose.network"), "default");
  EXPECT_EQ(state.networks.at("default").config.driver, "bridge");
  EXPECT_EQ(state.images.at("shop-web").build->labels.at("com.docker.compose.service"), "web");
}

TEST(DesiredState, HasContainerServiceAndAliasNames) {
  auto project = two_services();
  project.services.at("db").networks["default"].aliases = {"database", "db"};
  ContainerSpec spec = spec_of(project, "db");
  ASSERT_EQ(spec.endpoints.size(), 1u);
  EXPECT_EQ(spec.endpoints[0].network, "shop_default");
  EXPECT_EQ(spec.endpoints[0].aliases, (std::vector<std::string>{"shop-db-1", "db", "database"}));
}

TEST(DesiredState, NetworksComeInOrderOfPriority) {
  auto project = two_services();
  project.networks["back"].name = "shop_back";
  project.services.at("db").networks["back"].priority = 100;
  ContainerSpec spec = spec_of(project, "db");
  EXPECT_EQ(spec.endpoints[0].network, "shop_back");
  EXPECT_EQ(spec.endpoints[1].network, "shop_default");
}

TEST(DesiredState, TranslatesTheService) {
  auto project = two_services();
  compose::Service& web = project.services.at("web");
  web.environment = {{"A", "1"}, {"B", std::nullopt}};
  web.entrypoint = compose::StringList{"/run"};
  web.stop_grace_period = std::chrono::milliseconds(1500);
  web.restart = compose::RestartPolicy{compose::RestartMode::OnFailure, 3};
  web.deploy.emplace().limits = compose::ResourceLimits{0.5, {64 << 20}, 100};
  web.mem_limit = {1 << 20};
  web.links = {"db:database"};
  web.extra_hosts = {"v6=::1"};
  web.tmpfs = {"/run:size=1m"};
  web.expose = {"3000-3002", "53/udp"};
  publish(web, 8080, 80);
  web.ulimits["nofile"] = {10, 20};
  web.healthcheck.emplace().disable = true;
  project.secrets["key"].bytes = "s3cret";
  web.secrets.push_back({"key", "/run/secrets/key", "1000", "", 0400});
  ContainerSpec spec = spec_of(project, "web");
  EXPECT_EQ(spec.env, (std::vector<std::string>{"A=1", "B"}));
  EXPECT_TRUE(spec.command && spec.command->empty()) << "an entrypoint drops the image's command";
  EXPECT_EQ(*spec.stop_timeout, std::chrono::seconds(2));
  EXPECT_EQ(spec.restart.max_retries, 3);
  EXPECT_EQ(spec.resources.nano_cpus, 500'000'000);
  EXPECT_EQ(spec.resources.memory, 64 << 20);
  EXPECT_EQ(spec.resources.pids_limit, 100);
  EXPECT_EQ(spec.links, std::vector<std::string>{"shop-db-1:database"});
  EXPECT_EQ(spec.extra_hosts, std::vector<std::string>{"v6:::1"});
  EXPECT_EQ(spec.mounts[0].tmpfs_size->bytes, 1 << 20);
  EXPECT_EQ(spec.exposed_ports,
            (std::vector<std::string>{"3000/tcp", "3001/tcp", "3002/tcp", "53/udp", "80/tcp"}));
  EXPECT_EQ(spec.ports[0].host_port, 8080);
  EXPECT_EQ(spec.healthcheck->test, std::vector<std::string>{"NONE"});
  EXPECT_EQ(spec.files[0].content, "s3cret");
  EXPECT_EQ(spec.files[0].uid, 1000u);
  EXPECT_EQ(spec.files[0].mode, 0400u);
  EXPECT_TRUE(spec.files[0].secret);
}

TEST(DesiredState, ConfigFilesAreBoundDirectly) {
  auto project = two_services();
  project.configs["conf"].file = "/srv/shop/app.conf";
  project.configs["conf"].bytes = "text";
  project.services.at("web").configs.push_back({"conf", "/conf", "", "", std::nullopt});
  EXPECT_EQ(spec_of(project, "web").files[0].host_path, "/srv/shop/app.conf");
  project.services.at("web").configs[0].mode = 0400;
  EXPECT_EQ(spec_of(project, "web").files[0].content, "text");
}

TEST(DesiredState, ServiceReferencesBecomeContainers) {
  auto project = two_services();
  compose::Service& web = project.services.at("web");
  web.networks.clear();
  web.network_mode = "service:db";
  web.pid = "service:db";
  web.volumes_from = {"db:ro", "container:other"};
  DesiredState state = desired(project);
  ContainerSpec spec = spec_of(project, "web");
  EXPECT_EQ(spec.network_mode, "container:shop-db-1");
  EXPECT_EQ(spec.pid_mode, "container:shop-db-1");
  EXPECT_EQ(spec.volumes_from, (std::vector<std::string>{"shop-db-1:ro", "other"}));
  EXPECT_EQ(state.services.at("web").shares_with, std::vector<std::string>{"db"});
}

TEST(DesiredState, NamedServicesIncludeTheirDependencies) {
  auto project = two_services();
  add_service(project, "other", "x:1").networks.clear();
  DesiredState state = desired(project, {{}, {"web"}, false});
  EXPECT_EQ(state.services.size(), 2u);
  EXPECT_TRUE(state.services.at("web").selected);
  EXPECT_FALSE(state.services.at("db").selected);
  EXPECT_TRUE(state.known_services.count("other"));
  state = desired(project, {{}, {"web"}, true});
  EXPECT_EQ(state.services.size(), 1u);
}

TEST(DesiredState, RejectsInvalidProjects) {
  auto project = two_services();
  EXPECT_EQ(refusal(project, {{}, {"wbe"}, false}), "no such service: wbe (did you mean \"web\"?)");
  EXPECT_EQ(refusal(project, {{{"db", -1}}, {}, false}), "service db: cannot have -1 containers");
  project.services.at("db").container_name = "pg";
  project.origins["/services/db"] = "compose.yaml:3:3";
  EXPECT_EQ(refusal(project, {{{"db", 2}}, {}, false}),
            "compose.yaml:3:3: service db: container_name \"pg\" allows only one container, not 2");
  project.services.at("web").container_name = "pg";
  EXPECT_EQ(refusal(project), "service web: container name \"pg\" is also used by service db");
  project.services.at("web").container_name = "";
  project.services.at("web").labels["com.docker.compose.project"] = "x";
  EXPECT_EQ(refusal(project), "service web: label com.docker.compose.project is reserved");
  project = two_services();
  depend(project, "db", "web");
  EXPECT_EQ(refusal(project), "dependency cycle: db -> web -> db");
  project = two_services();
  project.secrets["key"].external = true;
  project.services.at("web").secrets.push_back({"key", "/run/secrets/key", "", "", std::nullopt});
  EXPECT_EQ(refusal(project), "service web: secret key: external configs and secrets are not supported");
}

TEST(ConfigHash, ChangesWithTheContainerConfiguration) {
  auto project = two_services();
  std::string before = hash_of(project, "web");
  auto differs = [&](auto change) {
    auto changed = project;
    change(changed, changed.services.at("web"));
    return hash_of(changed, "web") != before;
  };
  EXPECT_TRUE(differs([](auto&, auto& web) { web.environment["A"] = "1"; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.container_name = "x"; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.labels["a"] = "1"; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.image = "other"; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.deploy.emplace().limits.emplace().pids = 5; }));
}

TEST(ConfigHash, IsTheHashThatConfigPrints) {
  auto project = two_services();
  EXPECT_EQ(hash_of(project, "web"), compose::service_hash(project, project.services.at("web")));
}

TEST(ConfigHash, IgnoresOtherSettings) {
  auto project = two_services();
  std::string before = hash_of(project, "web");
  auto differs = [&](auto change) {
    auto changed = project;
    change(changed.services.at("web"));
    return hash_of(changed, "web") != before;
  };
  EXPECT_FALSE(differs([](auto& web) { web.scale = 3; }));
  EXPECT_FALSE(differs([](auto& web) { web.deploy.emplace().replicas = 3; }));
  EXPECT_FALSE(differs([](auto& web) { web.depends_on.clear(); }));
  EXPECT_FALSE(differs([](auto& web) { web.profiles = {"dev"}; }));
  EXPECT_FALSE(differs([](auto& web) { web.build->args["A"] = "1"; }));
  EXPECT_FALSE(differs([](auto& web) { web.pull_policy = "always"; }));
  EXPECT_FALSE(differs([](auto& web) { web.extensions["x-a"] = "1"; }));
}

TEST(ConfigHash, CoversContentsOfSecretsWithoutStoringThem) {
  auto project = two_services();
  project.secrets["key"].bytes = "hunter2";
  project.services.at("web").secrets.push_back({"key", "/run/secrets/key", "", "", std::nullopt});
  DesiredState before = desired(project);
  project.secrets["key"].bytes = "hunter3";
  DesiredState after = desired(project);
  const std::string& old_text = before.services.at("web").config_text;
  EXPECT_EQ(old_text.find("hunter2"), std::string::npos);
  auto changes = changed_fields(old_text, after.services.at("web").config_text);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].field, "content of secret key");
  EXPECT_EQ(changes[0].before + changes[0].after, "");
}

TEST(ConfigHash, ChangedFieldsAreNamedAsInTheFile) {
  auto project = two_services();
  project.services.at("db").environment = {{"A", "1"}, {"B", "1"}};
  std::string before = desired(project).services.at("db").config_text;
  project.services.at("db").environment = {{"A", "2"}, {"C", "1"}};
  project.services.at("db").user = "postgres";
  std::string after = desired(project).services.at("db").config_text;
  std::string text;
  for (const FieldChange& change : changed_fields(before, after))
    text += change.field + ": " + change.before + " -> " + change.after + "\n";
  EXPECT_EQ(text, "environment.A: 1 -> 2\nenvironment.B: 1 -> \nenvironment.C:  -> 1\nuser:  -> postgres\n");
  EXPECT_TRUE(changed_fields("", after).empty());
  EXPECT_TRUE(changed_fields("not json", after).empty());
}

TEST(ConfigHash, ChangedValuesThatMayBeSecretAreMasked) {
  auto project = two_services();
  project.services.at("db").environment = {{"DB_PASSWORD", "hunter2"}, {"URL", "db://me:hunter2@db/x"}};
  std::string before = desired(project).services.at("db").config_text;
  project.services.at("db").environment = {{"API_KEY", "hunter3"}, {"URL", "db://me:hunter3@db/x"}};
  auto changes = changed_fields(before, desired(project).services.at("db").config_text);
  ASSERT_EQ(changes.size(), 3u);
  for (const FieldChange& change : changes)
    EXPECT_EQ((change.before + change.after).find("hunter"), std::string::npos) << change.field;
  EXPECT_EQ(changes[0].after, "***");
}

TEST(OneOff, IsTheServiceWithoutPortsAliasesAndRestart) {
  auto project = two_services();
  compose::Service& web = project.services.at("web");
  publish(web, 8080, 80);
  web.environment["A"] = "1";
  web.restart = compose::RestartPolicy{compose::RestartMode::Always, 0};
  RunOptions options;
  options.slug = "0123456789ab";
  options.command = {{"sh", "-c", "env"}};
  options.env = {"A=2", "B=3"};
  options.labels = {"who=me"};
  options.tty = options.interactive = options.remove = true;
  options.publish = {"127.0.0.1:9000:80"};
  options.volumes = {"./data:/data:ro"};
  auto spec = one_off(project, "web", options);
  ASSERT_TRUE(spec) << spec.error().text();
  EXPECT_EQ(spec->name, "shop-web-run-0123456789ab");
  EXPECT_EQ(spec->labels.at(label::kOneOff), "True");
  EXPECT_EQ(spec->labels.at(label::kSlug), "0123456789ab");
  EXPECT_EQ(spec->labels.at("who"), "me");
  EXPECT_EQ(spec->env, (std::vector<std::string>{"A=2", "B=3"}));
  EXPECT_EQ(spec->restart.name, "no");
  EXPECT_EQ(spec->endpoints[0].aliases, std::vector<std::string>{"shop-web-run-0123456789ab"});
  ASSERT_EQ(spec->ports.size(), 1u);
  EXPECT_EQ(spec->ports[0].host_ip, *parse_ip("127.0.0.1"));
  EXPECT_EQ(spec->mounts[0].source, "/srv/shop/data");
  EXPECT_TRUE(spec->mounts[0].read_only);
  EXPECT_TRUE(spec->auto_remove && spec->stdin_once);
  options.use_aliases = options.service_ports = true;
  options.name = "mine";
  spec = one_off(project, "web", options);
  EXPECT_EQ(spec->endpoints[0].aliases, (std::vector<std::string>{"mine", "web"}));
  EXPECT_EQ(spec->ports.size(), 2u);
}

TEST(OneOff, RefusesUnknownServicesAndBadPorts) {
  auto project = two_services();
  EXPECT_EQ(one_off(project, "wbe", {}).error().text(), "no such service: wbe (did you mean \"web\"?)");
  RunOptions options;
  options.publish = {"x:80"};
  EXPECT_EQ(one_off(project, "web", options).error().text(), "port \"x:80\": \"x\" is not a port");
}

TEST(Identity, RejectsTheSameNameInAnotherFolder) {
  EXPECT_FALSE(check_identity("shop", "", "/srv/shop"));
  EXPECT_FALSE(check_identity("shop", "/srv/shop", "/srv/shop/"));
  EXPECT_FALSE(check_identity("shop", "/srv/releases/1", "/srv/releases/2"))
      << "the name was given on purpose";
  auto text = check_identity("shop", "/srv/shop", "/home/me/shop");
  ASSERT_TRUE(text);
  EXPECT_EQ(text->substr(0, 61), "project \"shop\" belongs to /srv/shop, not to /home/me/shop; ch");
}

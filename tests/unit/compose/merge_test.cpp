// Several files, override files, !reset and !override, extends, include, profiles.
#include <sys/stat.h>

#include "fixture.h"

namespace stack::compose {
namespace {

class MergeTest : public ComposeTest {
 protected:
  // Two files, the second over the first; the service `web` of the result.
  Service merged(const std::string& base, const std::string& over) {
    write("a.yaml", "services:\n  web:\n    image: a\n" + base);
    write("b.yaml", "services:\n  web:\n" + over);
    options.files = {"a.yaml", "b.yaml"};
    Project p = project();
    return p.services["web"];
  }
  static std::vector<std::string> ports_of(const Service& service) {
    std::vector<std::string> out;
    for (const PortMapping& port : service.ports)
      out.push_back(port.published + ":" + std::to_string(port.target) + "/" + port.protocol);
    return out;
  }
};

TEST_F(MergeTest, ScalarsAreReplacedAndNullKeepsTheValue) {
  Service s = merged("    user: u\n    hostname: h\n    mem_limit: 1g\n",
                     "    image: b\n    hostname:\n    mem_limit: 2g\n");
  EXPECT_EQ(s.image, "b");
  EXPECT_EQ(s.user, "u");
  EXPECT_EQ(s.hostname, "h");
  EXPECT_EQ(s.mem_limit.bytes, int64_t{2} << 30);
}

TEST_F(MergeTest, CommandEntrypointAndHealthTestAreReplaced) {
  Service s =
      merged("    command: [a, b]\n    entrypoint: x y\n    healthcheck: {test: [CMD, a, b], retries: 3}\n",
             "    command: c\n    entrypoint: [z]\n    healthcheck: {test: d}\n");
  EXPECT_EQ(*s.command, StringList{"c"});
  EXPECT_EQ(*s.entrypoint, StringList{"z"});
  EXPECT_EQ(s.healthcheck->test, (StringList{"CMD-SHELL", "d"}));
  EXPECT_EQ(s.healthcheck->retries, 3u);
}

TEST_F(MergeTest, NullClearsCommandAndEntrypoint) {
  Service s = merged("    command: [a, b]\n    entrypoint: x\n", "    command:\n    entrypoint: ~\n");
  EXPECT_EQ(s.command, std::nullopt);
  EXPECT_EQ(s.entrypoint, std::nullopt);
}

TEST_F(MergeTest, LimitsOfOneUlimitMerge) {
  Service s = merged("    ulimits: {nofile: {soft: 1, hard: 2}, nproc: 5, core: {soft: 1, hard: 2}}\n",
                     "    ulimits: {nofile: {hard: 9}, nproc: {soft: 3, hard: 4}, core: 7}\n");
  EXPECT_EQ(s.ulimits.at("nofile"), (Ulimit{1, 9}));
  EXPECT_EQ(s.ulimits.at("nproc"), (Ulimit{3, 4}));
  EXPECT_EQ(s.ulimits.at("core"), (Ulimit{7, 7}));
}

TEST_F(MergeTest, EqualListItemsAreUnited) {
  Service s = merged("    post_start: [{command: a}, {command: b}]\n    security_opt: [x]\n",
                     "    post_start: [{command: b}, {command: c}]\n    security_opt: [x, y]\n");
  ASSERT_EQ(s.post_start.size(), 3u);
  EXPECT_EQ(*s.post_start[2].command, StringList{"c"});
  EXPECT_EQ(s.security_opt, (StringList{"x", "y"}));
}

TEST_F(MergeTest, RepeatedItemsWithAKeyAreAllowed) {
  Service s = merged("    cap_add: [A, A]\n    dns: [1.1.1.1, 1.1.1.1]\n    expose: [80, \"80\"]\n",
                     "    tmpfs: [/a, /a, \"/b:size=1m\", \"/b:size=2m\"]\n    profiles: [p, p]\n");
  options.profiles = {"p"};
  s = project().services["web"];
  EXPECT_EQ(s.cap_add, StringList{"A"});
  EXPECT_EQ(s.dns, StringList{"1.1.1.1"});
  EXPECT_EQ(s.expose, StringList{"80"});
  EXPECT_EQ(s.tmpfs, (StringList{"/a", "/b:size=2m"}));
}

TEST_F(MergeTest, EnvironmentAndLabelsMergeByNameInBothForms) {
  Service s = merged("    environment: [A=1, B=1, D=1]\n    labels: {a: \"1\", b: \"1\"}\n",
                     "    environment: {B: 2, C: 3, D: }\n    labels: [b=2]\n");
  EXPECT_EQ(s.environment, (Environment{{"A", "1"}, {"B", "2"}, {"C", "3"}, {"D", std::nullopt}}));
  EXPECT_EQ(s.labels, (StringMap{{"a", "1"}, {"b", "2"}}));
}

TEST_F(MergeTest, PortsAreUniqueInAnyForm) {
  Service s = merged("    ports: [\"8080:80\", \"53:53/udp\"]\n",
                     "    ports: [{target: 80, published: 8080}, {target: 80, published: 8081}]\n");
  EXPECT_EQ(ports_of(s), (std::vector<std::string>{"8080:80/tcp", "53:53/udp", "8081:80/tcp"}));
}

TEST_F(MergeTest, VolumesAndDevicesAreUniqueByTarget) {
  Service s =
      merged("    volumes: [\"./a:/data\", \"./b:/more:ro\"]\n    devices: [/dev/a:/dev/x]\n",
             "    volumes: [{type: bind, source: ./c, target: /data/}]\n    devices: [/dev/b:/dev/x:r]\n");
  ASSERT_EQ(s.volumes.size(), 2u);
  EXPECT_EQ(s.volumes[0].source, path("c"));
  EXPECT_EQ(s.volumes[1].source, path("b"));
  ASSERT_EQ(s.devices.size(), 1u);
  EXPECT_EQ(s.devices[0].source, "/dev/b");
}

TEST_F(MergeTest, PlainListsAreAppendedWithoutRepetition) {
  Service s = merged(
      "    cap_add: [A, B]\n    dns: 1.1.1.1\n    expose: [80]\n    extra_hosts: [a=1.1.1.1]\n    tmpfs: "
      "/run\n",
      "    cap_add: [B, C]\n    dns: [1.1.1.1, 2.2.2.2]\n    expose: [\"80\", 81]\n    extra_hosts: {a: "
      "[1.1.1.1, 2.2.2.2]}\n"
      "    tmpfs: [/run, /tmp]\n");
  EXPECT_EQ(s.cap_add, (StringList{"A", "B", "C"}));
  EXPECT_EQ(s.dns, (StringList{"1.1.1.1", "2.2.2.2"}));
  EXPECT_EQ(s.expose, (StringList{"80", "81"}));
  EXPECT_EQ(s.extra_hosts, (StringList{"a=1.1.1.1", "a=2.2.2.2"}));
  EXPECT_EQ(s.tmpfs, (StringList{"/run", "/tmp"}));
}

TEST_F(MergeTest, LoggingIsReplacedWhenTheDriverDiffers) {
  std::string base = "    logging: {driver: json-file, options: {a: \"1\", b: \"1\"}}\n";
  EXPECT_EQ(merged(base, "    logging: {options: {b: \"2\"}}\n").logging->options,
            (StringMap{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(merged(base, "    logging: {driver: json-file, options: {c: \"3\"}}\n").logging->options.size(),
            3u);
  EXPECT_EQ(merged(base, "    logging: {driver: none}\n").logging->options, StringMap{});
}

TEST_F(MergeTest, BuildDependenciesNetworksAndUlimitsMerge) {
  write("x/Dockerfile", "");
  Service s =
      merged("    build: ./x\n    depends_on: [db]\n    networks: [one]\n    ulimits: {nofile: 100}\n",
             "    build: {args: {A: 1}}\n    depends_on: {db: {condition: service_healthy}}\n    networks: "
             "{one: {aliases: [w]}}\n"
             "    ulimits: {nofile: {soft: 1, hard: 2}}\n  db: {image: a}\nnetworks: {one: }\n");
  EXPECT_EQ(s.build->context, path("x"));
  EXPECT_EQ(s.build->args, (StringMap{{"A", "1"}}));
  EXPECT_EQ(s.depends_on.at("db").condition, DependencyCondition::Healthy);
  EXPECT_EQ(s.networks.at("one").aliases, StringList{"w"});
  EXPECT_EQ(s.ulimits.at("nofile"), (Ulimit{1, 2}));
}

TEST_F(MergeTest, PoolsMergeBySubnet) {
  write("a.yaml",
        "services: {web: {image: a}}\nnetworks: {default: {ipam: {config: [{subnet: 10.1.0.0/24, gateway: "
        "10.1.0.1}]}}}\n");
  write("b.yaml",
        "networks: {default: {ipam: {config: [{subnet: 10.1.0.0/24, ip_range: 10.1.0.0/28}, {subnet: "
        "10.2.0.0/24}]}}}\n");
  options.files = {"a.yaml", "b.yaml"};
  Ipam ipam = project().networks["default"].ipam;
  ASSERT_EQ(ipam.config.size(), 2u);
  EXPECT_EQ(ipam.config[0].gateway, "10.1.0.1");
  EXPECT_EQ(ipam.config[0].ip_range, "10.1.0.0/28");
}

TEST_F(MergeTest, DifferentKindsCannotBeMerged) {
  write("a.yaml", "services:\n  web:\n    image: a\n    x-y: [1]\n");
  write("b.yaml", "services:\n  web:\n    x-y: {a: 1}\n");
  options.files = {"a.yaml", "b.yaml"};
  EXPECT_EQ(errors(),
            "b.yaml:3:10: cannot merge x-y: a mapping over a list\n  use !override to replace the value of "
            "a.yaml:4:10\n");
}

TEST_F(MergeTest, ResetRemovesKeysAndWholeServices) {
  write("a.yaml",
        "services:\n  web: {image: a, ports: [\"80:80\"], environment: {A: 1, B: 2}}\n  old: {image: a}\n");
  write("b.yaml", "services:\n  web:\n    ports: !reset []\n    environment: {A: !reset }\n  old: !reset\n");
  options.files = {"a.yaml", "b.yaml"};
  Project p = project();
  EXPECT_TRUE(p.services["web"].ports.empty());
  EXPECT_EQ(p.services["web"].environment, (Environment{{"B", "2"}}));
  EXPECT_FALSE(p.services.contains("old"));
}

TEST_F(MergeTest, ResetRemovesSingleListItems) {
  Service s = merged(
      "    ports: [\"80:80\", \"81:81\", \"82:82\"]\n    cap_add: [A, B]\n    environment: [X=1, Y=2]\n    "
      "volumes: [\"./a:/a\", \"./b:/b\"]\n",
      "    ports: [!reset \"81:81\"]\n    cap_add: [!reset A, C]\n    environment: [!reset X]\n    volumes: "
      "[!reset \"./z:/a\"]\n");
  EXPECT_EQ(ports_of(s), (std::vector<std::string>{"80:80/tcp", "82:82/tcp"}));
  EXPECT_EQ(s.cap_add, (StringList{"B", "C"}));
  EXPECT_EQ(s.environment, (Environment{{"Y", "2"}}));
  ASSERT_EQ(s.volumes.size(), 1u);
  EXPECT_EQ(s.volumes[0].target, "/b");
}

TEST_F(MergeTest, OverrideReplacesInsteadOfMerging) {
  Service s = merged("    ports: [\"80:80\"]\n    environment: {A: 1}\n",
                     "    ports: !override [\"90:90\"]\n    environment: !override {B: 2}\n");
  EXPECT_EQ(ports_of(s), (std::vector<std::string>{"90:90/tcp"}));
  EXPECT_EQ(s.environment, (Environment{{"B", "2"}}));
}

TEST_F(MergeTest, TagsInTheFirstFileHaveNothingToRemove) {
  Service s = project(
                  "services:\n  web:\n    image: a\n    ports: !reset [\"80:80\"]\n    cap_add: !override "
                  "[A]\n    dns: [!reset 1.1.1.1, 2.2.2.2]\n")
                  .services["web"];
  EXPECT_TRUE(s.ports.empty());
  EXPECT_EQ(s.cap_add, StringList{"A"});
  EXPECT_EQ(s.dns, StringList{"2.2.2.2"});
}

TEST_F(MergeTest, RelativePathsOfAllFilesAreRelativeToTheFirst) {
  write("one/a.yaml", "services:\n  web: {image: a}\n");
  write("two/b.yaml", "services:\n  web: {volumes: [\"./x:/x\"]}\n");
  options.files = {"one/a.yaml", "two/b.yaml"};
  EXPECT_EQ(project().services["web"].volumes.at(0).source, path("one/x"));
  options.project_directory = "two";
  Project p = project();
  EXPECT_EQ(p.services["web"].volumes.at(0).source, path("two/x"));
  EXPECT_EQ(p.working_dir, path("two"));
}

TEST_F(MergeTest, FoldersOfBuildCachesAreRelativeToTheProject) {
  write(
      "one/a.yaml",
      "services:\n  web:\n    build:\n      context: .\n      cache_to: [\"type=local,dest=./c,mode=max\"]\n"
      "      cache_from: [\"type=local,src=/abs\", \"type=registry,ref=./x\"]\n");
  options.files = {"one/a.yaml"};
  Service web = project().services["web"];
  EXPECT_EQ(web.build->cache_to, StringList{"type=local,dest=" + path("one/c") + ",mode=max"});
  EXPECT_EQ(web.build->cache_from, (StringList{"type=local,src=/abs", "type=registry,ref=./x"}));
}

// --- discovery

TEST_F(ComposeTest, DefaultFilesAreFoundInOrderAndInParents) {
  write("docker-compose.yml", "services: {web: {image: old}}\n");
  EXPECT_EQ(project().services["web"].image, "old");
  write("compose.yaml", "services: {web: {image: new}}\n");
  EXPECT_EQ(project().services["web"].image, "new");
  expect_contains(warnings, "several compose files in ");
  ASSERT_TRUE(ensure_directory(path("sub/deep")));
  options.current_directory = path("sub/deep");
  Project p = project();
  EXPECT_EQ(p.services["web"].image, "new");
  EXPECT_EQ(p.working_dir, path("compose.yaml").substr(0, path("compose.yaml").rfind('/')));
}

TEST_F(ComposeTest, OverrideFileIsMergedOnlyWithDefaultFiles) {
  write("compose.yaml", "services: {web: {image: a}}\n");
  write("compose.override.yml", "services: {web: {user: o}}\n");
  Project p = project();
  EXPECT_EQ(p.services["web"].user, "o");
  EXPECT_EQ(p.compose_files, (StringList{path("compose.yaml"), path("compose.override.yml")}));
  options.files = {"compose.yaml"};
  EXPECT_EQ(project().services["web"].user, "");
}

TEST_F(ComposeTest, ComposeFileVariableNamesTheFiles) {
  write("a.yaml", "services: {web: {image: a}}\n");
  write("b.yaml", "services: {web: {user: b}}\n");
  write(".env", "COMPOSE_FILE=a.yaml:b.yaml\n");
  EXPECT_EQ(project().services["web"].user, "b");
  options.environment = {{"COMPOSE_FILE", "b.yaml;a.yaml"}, {"COMPOSE_PATH_SEPARATOR", ";"}};
  EXPECT_EQ(project().compose_files, (StringList{path("b.yaml"), path("a.yaml")}));
}

TEST_F(ComposeTest, NoFileAndUnreadableFilesAreErrors) {
  expect_contains(errors(), "no compose file found");
  options.files = {"none.yaml"};
  expect_contains(errors(), "cannot read the compose file none.yaml");
  options.files = {"."};
  expect_contains(errors(), "it is a directory");
  options.files = {"oci://x/y"};
  expect_contains(errors(), "remote compose files are not supported");
}

TEST_F(ComposeTest, ProjectNameHasItsPrecedence) {
  options.project_name.reset();
  write("My App/compose.yaml", "services: {web: {image: a}}\n");
  options.current_directory = path("My App");
  EXPECT_EQ(project().name, "myapp");
  write("My App/compose.yaml", "name: From-${X:-File}\nservices: {web: {image: a}}\n");
  EXPECT_EQ(project().name, "from-file");
  options.environment["COMPOSE_PROJECT_NAME"] = "env";
  EXPECT_EQ(project().name, "env");
  options.project_name = "flag";
  EXPECT_EQ(project().name, "flag");
  options.project_name = "MY_PROJECT";
  expect_contains(errors(), "invalid project name \"MY_PROJECT\"");
  expect_contains(errors(), "such as \"my_project\"");
}

TEST_F(ComposeTest, HeadReturnsNameAndSettingsWithoutCheckingTheFile) {
  options.project_name.reset();
  write(".env", "COMPOSE_PROGRESS=plain\nOTHER=1\n");
  write("compose.yaml", "name: x\nservices: {web: {imag: a}}\n");
  auto head = load_head(options);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->project_name, "x");
  EXPECT_EQ(head->settings, (StringMap{{"COMPOSE_PROGRESS", "plain"}}));
  options.current_directory = "/proc/self/fdinfo";
  options.environment["COMPOSE_DISABLE_ENV_FILE"] = "1";
  EXPECT_EQ(load_head(options)->project_name, std::nullopt);
}

// --- extends

TEST_F(ComposeTest, ExtendsWithinAFileAndAcrossFiles) {
  write("common/base.yaml", R"(
services:
  root: {image: a, environment: {A: root, B: root}, volumes: ["./data:/data"], env_file: e.env}
  base:
    extends: root
    environment: {B: base}
)");
  write("common/e.env", "E=1\n");
  Project p = project(R"(
services:
  web:
    extends: {service: base, file: common/base.yaml}
    environment: {C: web}
  two:
    extends: web
    image: b
)");
  EXPECT_EQ(p.services["two"].image, "b");
  EXPECT_EQ(p.services["two"].environment,
            (Environment{{"A", "root"}, {"B", "base"}, {"C", "web"}, {"E", "1"}}));
  EXPECT_EQ(p.services["two"].volumes.at(0).source, path("common/data"));
  EXPECT_FALSE(p.services.contains("root"));
}

TEST_F(ComposeTest, ExtendsCycleIsAnError) {
  EXPECT_EQ(errors("services:\n  a: {image: x, extends: b}\n  b: {image: x, extends: c}\n  c: {image: x, "
                   "extends: a}\n"),
            "compose.yaml:4:26: extends cycle: a -> b -> c -> a\n");
}

TEST_F(ComposeTest, ExtendsOfSomethingMissingIsAnError) {
  EXPECT_EQ(web_errors("    extends: bas\n  base: {image: b}\n"),
            "compose.yaml:4:14: service \"bas\", named by extends, is not in compose.yaml\n  did you "
            "mean \"base\"?\n");
  expect_contains(web_errors("    extends: {service: x, file: none.yaml}\n"),
                  "compose.yaml:4:33: cannot read the compose file none.yaml");
}

TEST_F(ComposeTest, ExtendingServiceMayReset) {
  Service s = project(
                  "services:\n  base: {image: a, ports: [\"80:80\"], user: u}\n  web:\n    extends: base\n   "
                  " ports: !reset []\n")
                  .services["web"];
  EXPECT_TRUE(s.ports.empty());
  EXPECT_EQ(s.user, "u");
}

TEST_F(ComposeTest, InheritedDependenciesMustExist) {
  write("base.yaml", "services:\n  base: {image: a, depends_on: [db]}\n");
  expect_contains(errors("services:\n  web: {extends: {service: base, file: base.yaml}}\n"),
                  "base.yaml:2:33: service web depends on undefined service \"db\"");
}

// --- include

TEST_F(ComposeTest, IncludeHasItsOwnDirectoryAndEnvironment) {
  write(".env", "A=outer\n");
  write("sub/.env", "A=inner\nB=inner\n");
  write("sub/compose.yaml",
        "services:\n  db: {image: \"db:$A-$B\", volumes: [\"./d:/d\"], environment: [B]}\nvolumes: {v: }\n");
  Project p =
      project("include: [sub/compose.yaml]\nservices:\n  web: {image: \"a:${B:-none}\", depends_on: [db]}\n");
  EXPECT_EQ(p.services["db"].image, "db:outer-inner");
  EXPECT_EQ(p.services["db"].volumes.at(0).source, path("sub/d"));
  EXPECT_EQ(p.services["db"].environment.at("B"), "inner");
  EXPECT_EQ(p.services["web"].image, "a:none");
}

TEST_F(ComposeTest, IncludeLongFormMergesItsFiles) {
  write("inc/a.yaml", "services:\n  db: {image: \"a:$X\", build: .}\n");
  write("inc/b.yaml", "services:\n  db: {user: b}\n");
  write("x.env", "X=1\n");
  Project p = project(
      "include:\n  - path: [inc/a.yaml, inc/b.yaml]\n    project_directory: other\n    env_file: "
      "x.env\nservices: {web: {image: a}}\n");
  EXPECT_EQ(p.services["db"].image, "a:1");
  EXPECT_EQ(p.services["db"].user, "b");
  EXPECT_EQ(p.services["db"].build->context, path("other"));
}

TEST_F(ComposeTest, IncludingFileWinsWithAWarning) {
  write("sub/compose.yaml", "services:\n  db: {image: theirs, user: u}\n");
  Project p = project("include: [sub/compose.yaml]\nservices:\n  db: {image: ours}\n");
  EXPECT_EQ(p.services["db"].image, "ours");
  EXPECT_EQ(p.services["db"].user, "u");
  EXPECT_EQ(warnings,
            "compose.yaml:3:3: warning: services.db overrides what sub/compose.yaml:2:7 includes\n");
}

TEST_F(ComposeTest, EnvironmentFilesOfAnIncludeAreReadInOrder) {
  write("one.env", "A=1\nB=1\nOUTER=inner\n");
  write("two.env", "B=2\nC=${A}${B}${OUTER}\n");
  write("inc.yaml", "services:\n  db: {image: \"$A-$B-$C-$OUTER\"}\n");
  options.environment["OUTER"] = "o";
  Project p = project("include: [{path: inc.yaml, env_file: [one.env, two.env]}]\n");
  EXPECT_EQ(p.services["db"].image, "1-2-12o-o");
  write("inc2.yaml", "services:\n  db: {image: \"a${A}\"}\n");
  p = project("include: [{path: inc2.yaml, env_file: /dev/null}]\n");
  EXPECT_EQ(p.services["db"].image, "a");
}

TEST_F(ComposeTest, PipesAreNotWaitedFor) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  expect_contains(errors("include: [pipe]\nservices: {web: {image: a}}\n"), "compose.yaml:1:11: cannot read");
  expect_contains(errors("services: {web: {image: a, env_file: pipe}}\n"), "pipe: it is a pipe");
  expect_contains(errors("services: {web: {extends: {file: pipe, service: a}}}\n"), "it is a pipe");
}

TEST_F(ComposeTest, ExtendsThatMultiplyAreLimited) {
  std::string text = "services:\n  base:\n    image: a\n    labels: [";
  for (int i = 0; i < 1000; ++i) text += "l" + std::to_string(i) + ", ";
  text += "last]\n";
  for (int i = 0; i < 1100; ++i) text += "  s" + std::to_string(i) + ": {extends: base}\n";
  expect_contains(errors(text), "too many values copied by extends");
}

TEST_F(ComposeTest, IncludeCycleIsAnError) {
  write("a.yaml", "include: [b.yaml]\nservices: {a: {image: a}}\n");
  write("b.yaml", "include: [a.yaml]\nservices: {b: {image: a}}\n");
  expect_contains(errors("include: [a.yaml]\nservices: {web: {image: a}}\n"),
                  "b.yaml:1:11: include cycle: a.yaml -> b.yaml -> a.yaml");
  expect_contains(errors("include: [compose.yaml]\nservices: {web: {image: a}}\n"),
                  "include cycle: compose.yaml");
}

TEST_F(ComposeTest, IncludesThatMultiplyAreLimited) {
  for (int i = 0; i < 12; ++i) {
    std::string next = "f" + std::to_string(i + 1) + ".yaml";
    write("f" + std::to_string(i) + ".yaml",
          "include: [" + next + ", ./" + next + "]\nservices: {a: {image: a}}\n");
  }
  write("f12.yaml", "services: {a: {image: a}}\n");
  expect_contains(errors("include: [f0.yaml]\nservices: {web: {image: a}}\n"), "too many includes");
}

TEST_F(ComposeTest, SecretOfAnIncludeTakesItsVariable) {
  write("more/app.env", "WORD=hidden\n");
  write("more/compose.yaml", "services: {a: {image: a, secrets: [s]}}\nsecrets: {s: {environment: WORD}}\n");
  options.load_contents = true;
  Project p =
      project("include: [{path: more/compose.yaml, env_file: more/app.env}]\nservices: {web: {image: a}}\n");
  EXPECT_EQ(p.secrets.at("s").bytes, "hidden");
}

TEST_F(ComposeTest, MissingIncludeIsAnError) {
  expect_contains(errors("include: [none.yaml]\nservices: {web: {image: a}}\n"),
                  "compose.yaml:1:11: cannot read the compose file none.yaml");
  expect_contains(errors("include: [{path: compose.yaml, env_file: none}]\nservices: {web: {image: a}}\n"),
                  "environment file none not found");
}

// --- profiles and selection

constexpr const char* kProfiles = R"(
services:
  web: {image: a, depends_on: [db], volumes: ["v:/v"]}
  db: {image: a}
  debug: {image: a, profiles: [debug, dev], depends_on: [web]}
  lone: {image: a, profiles: [lone], networks: [n]}
networks: {n: }
volumes: {v: , unused: }
)";

std::string names(const Project& project) {
  std::string out;
  for (const auto& [name, service] : project.services) out += name + " ";
  return out;
}

TEST_F(ComposeTest, ProfilesEnableTheirServices) {
  Project p = project(kProfiles);
  EXPECT_EQ(names(p), "db web ");
  EXPECT_EQ(p.disabled_services.at("debug").reason, DisabledReason::Profile);
  EXPECT_EQ(p.disabled_services.at("debug").profiles, (StringList{"debug", "dev"}));
  options.profiles = {"dev"};
  EXPECT_EQ(names(project()), "db debug web ");
  options.profiles = {"*"};
  EXPECT_EQ(names(project()), "db debug lone web ");
  options.profiles.clear();
  options.environment["COMPOSE_PROFILES"] = "lone, debug";
  EXPECT_EQ(names(project()), "db debug lone web ");
}

TEST_F(ComposeTest, NamedServicesIncludeTheirDependencies) {
  write("compose.yaml", kProfiles);
  options.services = {"debug"};
  EXPECT_EQ(names(project()), "db debug web ");
  options.services = {"db"};
  Project p = project();
  EXPECT_EQ(names(p), "db ");
  EXPECT_EQ(p.disabled_services.at("web").reason, DisabledReason::NotSelected);
  EXPECT_EQ(p.disabled_services.at("lone").reason, DisabledReason::Profile);
  options.services = {"web"};
  options.with_dependencies = false;
  EXPECT_EQ(names(project()), "web ");
  options.services = {"wbe"};
  EXPECT_EQ(errors(), "no such service: wbe\n  did you mean \"web\"?\n");
}

TEST_F(ComposeTest, FurtherServicesActivateTheirProfilesOnlyForThemselves) {
  write("compose.yaml", R"(
services:
  web: {image: a}
  task: {image: a, profiles: [x], depends_on: [helper]}
  helper: {image: a, profiles: [x]}
  other: {image: a, profiles: [x], depends_on: [broken]}
  broken: {image: a, profiles: [y]}
)");
  options.also_services = {"task"};
  Project p = project();
  EXPECT_EQ(names(p), "helper task web ");
  EXPECT_EQ(p.disabled_services.at("other").reason, DisabledReason::Profile);
  EXPECT_TRUE(p.profiles.empty());
}

TEST_F(ComposeTest, UnusedResourcesAreLeftOut) {
  Project p = project(kProfiles);
  EXPECT_TRUE(p.volumes.contains("v"));
  EXPECT_FALSE(p.volumes.contains("unused"));
  EXPECT_FALSE(p.networks.contains("n"));
  options.all_resources = true;
  EXPECT_TRUE(project().volumes.contains("unused"));
}

TEST_F(ComposeTest, DependencyOnADisabledServiceIsAnErrorUnlessOptional) {
  std::string rest = "  db: {image: a, profiles: [data]}\n";
  EXPECT_EQ(web_errors("    depends_on: [db]\n", rest),
            "compose.yaml:4:18: service web depends on db, which is disabled\n  activate its profile: "
            "--profile data\n");
  EXPECT_EQ(
      names(project(
          "services:\n  web: {image: a, depends_on: {db: {condition: service_started, required: false}}}\n" +
          rest)),
      "web ");
}

}  // namespace
}  // namespace stack::compose

// `stack config`: what the options leave out, add, and keep.
#include "base/json.h"
#include "config_fixture.h"

namespace stack::compose {
namespace {

TEST_F(ConfigTest, OriginsNameFileLineAndVariable) {
  write(".env", "TAG=1\n");
  write("compose.yaml", "name: o\nservices:\n  web:\n    image: a:$TAG\n");
  auto loaded = load(options);
  ASSERT_TRUE(loaded);
  std::string text;
  for (const std::string& line : list_origins(*loaded)) text += line + "\n";
  EXPECT_EQ(text,
            "name = \"o\"  # compose.yaml:1:7\n"
            "services.web.image = \"a:1\"  # compose.yaml:4:12, TAG from .env:1\n"
            "services.web.networks.default = null  # compose.yaml:4:5, by default\n"
            "networks.default.name = \"o_default\"  # compose.yaml:4:5, by default\n");
}

TEST_F(ConfigTest, OriginsOverFilesAndVariables) {
  write(".env", "\nTAG=1\nUSER_NAME=u\n");
  write("web.env", "# c\nFROM_FILE=x\n");
  write("base.yaml", "services:\n  base:\n    hostname: h\n    ports: [\"80:80\"]\n");
  write("inc.yaml", "services:\n  other: {image: b}\n");
  write("compose.yaml",
        "name: o\ninclude: [inc.yaml]\nservices:\n  web:\n    extends: {file: base.yaml, service: base}\n    "
        "image: "
        "a:$TAG\n    env_file: web.env\n    environment: [SHELL_VAR]\n");
  write("over.yaml", "services:\n  web: {user: \"${USER_NAME}\"}\n");
  options.files = {"compose.yaml", "over.yaml"};
  options.environment["SHELL_VAR"] = "s";
  auto loaded = load(options);
  ASSERT_TRUE(loaded) << render(loaded.error());
  std::string text;
  for (const std::string& line : list_origins(*loaded)) text += line + "\n";
  for (const char* line :
       {"services.other.image = \"b\"  # inc.yaml:2:18\n",
        "services.web.hostname = \"h\"  # base.yaml:3:15\n",
        "services.web.ports.0.published = \"80\"  # base.yaml:4:13\n",
        "services.web.image = \"a:1\"  # compose.yaml:6:12, TAG from .env:2\n",
        "services.web.environment.FROM_FILE = \"x\"  # web.env:2:1\n",
        "services.web.environment.SHELL_VAR = \"s\"  # compose.yaml:8:19, SHELL_VAR from the environment\n",
        "services.web.user = \"u\"  # over.yaml:2:15, USER_NAME from .env:3\n"})
    expect_contains(text, line);
}

TEST_F(ConfigTest, VariablesInThreeForms) {
  write("compose.yaml", "name: v\nservices: {web: {image: \"a:${TAG:-1}\", user: \"${U:?who}\"}}\n");
  options.no_interpolate = true;
  auto loaded = load(options);
  ASSERT_TRUE(loaded);
  auto json = parse_json(variables_json(*loaded));
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["TAG"]["DefaultValue"], "1");
  EXPECT_EQ((*json)["U"]["Required"], true);
  EXPECT_EQ(variables_yaml(*loaded),
            "TAG:\n  name: TAG\n  defaultvalue: \"1\"\n  presencevalue: \"\"\n  required: false\n"
            "U:\n  name: U\n  defaultvalue: \"\"\n  presencevalue: \"\"\n  required: true\n");
}

TEST_F(ConfigTest, ImagesArePinnedToTheirDigests) {
  write("compose.yaml",
        "name: p\nservices:\n  web: {image: \"a:1\", user: u, volumes: [{type: image, source: b, target: "
        "/b}, \"/x:/x\"]}\n"
        "  fixed: {image: \"c@sha256:00\"}\n  built: {build: .}\n");
  auto loaded = load(options);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(images_to_pin(*loaded), (std::vector<std::string>{"a:1", "b"}));
  Loaded pinned = with_pinned_images(*loaded, {{"a:1", "sha256:11"}, {"b", "sha256:22"}});
  expect_contains(config_yaml(pinned), "image: a:1@sha256:11\n");
  EXPECT_EQ(config_yaml(images_only(pinned)),
            "services:\n  built: {}\n  fixed:\n    image: c@sha256:00\n  web:\n    image: a:1@sha256:11\n    "
            "volumes:\n"
            "      - type: image\n        source: b@sha256:22\n        target: /b\n");
}

TEST_F(ConfigTest, NumbersHaveGosFormat) {
  std::string out = config(
      "name: n\nservices:\n  a: {image: a, cpus: 0.0001}\n  b: {image: a, cpus: \"0.50\"}\n  c: {image: a, "
      "cpus: 2}\n  d: {image: a, cpus: 0.1}\n");
  expect_contains(out, "cpus: 0.0001\n");
  expect_contains(out, "cpus: 0.5\n");
  expect_contains(out, "cpus: 2\n");
  expect_contains(out, "cpus: 0.1\n");
}

TEST_F(ConfigTest, OptionsDisableStages) {
  std::string text =
      "name: k\nservices:\n  web:\n    image: a\n    env_file: e\n    volumes: [\"./x:/x\"]\n    networks: "
      "[nope]\n";
  write("e", "A=1\n");
  options.no_consistency = options.no_normalize = options.no_path_resolution = options.no_env_resolution =
      true;
  std::string out = config(text);
  expect_contains(out, "source: ./x\n");
  expect_contains(out, "env_file:\n      - path: e\n");
  EXPECT_EQ(out.find("k_default"), std::string::npos);
}

TEST_F(ConfigTest, NoInterpolateMergesListsOfPairsWithMappings) {
  options.no_interpolate = true;
  options.files = {"compose.yaml", "over.yaml"};
  write("over.yaml",
        "services:\n  web:\n    environment: [\"B=${X}\", C]\n    labels: {l: new}\n"
        "    extra_hosts: {h: 1.1.1.1}\n");
  std::string out = config(
      "services:\n  web:\n    image: a\n    environment: {A: 1, B: 2}\n    labels: [l=old]\n"
      "    extra_hosts: [g=2.2.2.2]\n");
  expect_contains(out, "environment:\n      - A=1\n      - B=${X}\n      - C\n");
  expect_contains(out, "labels:\n      - l=new\n");
  expect_contains(out, "extra_hosts:\n      - g=2.2.2.2\n      - h=1.1.1.1\n");
}

TEST_F(ConfigTest, NoInterpolatePrintsNumbersAndTruthValuesInOneForm) {
  write("c", "text\n");
  options.no_interpolate = true;
  std::string out = config(
      "services:\n  web:\n    image: a\n    read_only: True\n    configs: [{source: c, mode: 0440}]\n"
      "    environment: {A: True, B: 1.50, C: 0x10, D: 1e3, E: \"0440\", F: \"${X}\"}\nconfigs: {c: {file: "
      "c}}\n");
  for (const char* line : {"read_only: true\n", "mode: 288\n", "A: true\n", "B: 1.5\n", "C: 16\n",
                           "D: 1000\n", "E: \"0440\"\n", "F: ${X}\n"})
    expect_contains(out, line);
}

TEST_F(ConfigTest, NoInterpolateKeepsOneOfEachNameInALists) {
  options.no_interpolate = true;
  expect_contains(config("services: {web: {image: a, environment: [A=1, A=2]}}\n"),
                  "environment:\n      - A=2\n    image");
}

TEST_F(ConfigTest, WithoutPathResolutionPathsOfOtherFoldersAreRelativeToTheProject) {
  options.no_path_resolution = true;
  write("sub/base.yaml",
        "services: {base: {image: a, env_file: e.env, volumes: [\"./x:/x\", \"/abs:/abs\"]}}\n");
  write("sub/e.env", "FROM_FILE=1\n");
  std::string out =
      config("services: {web: {extends: {file: sub/base.yaml, service: base}, volumes: [\"./y:/y\"]}}\n");
  expect_contains(out, "source: sub/x\n");
  expect_contains(out, "source: ./y\n");
  expect_contains(out, "source: /abs\n");
  expect_contains(out, "FROM_FILE: \"1\"");
}

TEST_F(ConfigTest, WithoutEnvResolutionFilesAreNotReadButNamesAreLookedUp) {
  options.no_env_resolution = true;
  options.environment["HOST"] = "h";
  write("e.env", "FROM_FILE=1\n");
  std::string out = config(
      "services: {web: {image: a, env_file: [e.env, {path: n.env, required: false}], environment: "
      "[HOST]}}\n");
  expect_contains(out, "environment:\n      HOST: h\n    env_file:\n      - path: ");
  expect_contains(out, "n.env\n        required: false\n");
  EXPECT_EQ(out.find("FROM_FILE"), std::string::npos);
  EXPECT_EQ(out.find("required: true"), std::string::npos);
}

TEST_F(ConfigTest, LabelFilesAreFoldedAndKept) {
  write("l", "a=1\n");
  std::string out = config("services: {web: {image: a, label_file: l}}\n");
  expect_contains(out, "labels:\n      a: \"1\"\n    label_file:\n      - " + path("l") + "\n");
}

TEST_F(ConfigTest, YamlHasFreeKeysInNaturalOrder) {
  expect_contains(
      config("services: {web: {image: a, environment: {A10: x, A2: x, A_B: x, AB: x, _C: x, A02: x, A: x, "
             "a1b: x, "
             "a1-: x}}}\n"),
      "environment:\n      _C: x\n      A: x\n      A_B: x\n      A2: x\n      A02: x\n      A10: x\n");
}

TEST_F(ConfigTest, ImagesOfHooksAreListed) {
  write("compose.yaml", "services: {web: {image: a, pre_start: [{command: x, image: b}]}}\n");
  auto loaded = load(options);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(list_images(*loaded), (std::vector<std::string>{"a", "b"}));
}

TEST_F(ConfigTest, JobsAreShown) {
  std::string yaml = "services: {web: {image: a}}\njobs: {j: {image: b, triggers: {schedule: [0 3 * * *]}}}\n";
  expect_contains(config(yaml),
                  "jobs:\n  j:\n    triggers:\n      schedule:\n        - cron: 0 3 * * *\n    image: b\n");
  options.no_interpolate = true;
  expect_contains(config(yaml), "jobs:\n  j:\n    image: b\n");
}

TEST_F(ConfigTest, NoInterpolateSortsKeysAndKeepsDollars) {
  options.no_interpolate = true;
  EXPECT_EQ(config("name: k\nservices:\n  web:\n    image: a:${T:-1}\n    command: echo $$x\n    volumes: "
                   "[\"${D}:/d\"]\nnetworks: {n: {}}\n"),
            "name: k\nnetworks:\n  default:\n    name: k_default\n  \"n\":\n    name: k_n\nservices:\n  "
            "web:\n    command: echo $$x\n    image: a:${T:-1}\n"
            "    networks:\n      default: null\n    volumes:\n      - source: ${D}\n        target: /d\n"
            "        type: volume\n        volume: {}\n");
}

TEST_F(ConfigTest, NoInterpolateKeepsShortNotationsThatCannotBeRead) {
  options.no_interpolate = true;
  std::string out = config(
      "services:\n  web:\n    image: a\n    ports: [\"8080:80\", \"${P}:90\", 3000, {target: 99}]\n"
      "    tmpfs: /run\n    volumes: [\"${V:-x}:/c\", \"a:/b:${M}\"]\n    devices: [\"${D}\"]\n"
      "  db:\n    image: b\n    ports: [\"8080:80\"]\n    tmpfs: [/a]\n");
  expect_contains(out, "ports:\n      - 8080:80\n      - ${P}:90\n      - 3000\n      - mode: ingress\n");
  expect_contains(out, "tmpfs: /run\n");
  expect_contains(out, "volumes:\n      - ${V:-x}:/c\n      - a:/b:${M}\n");
  expect_contains(out, "devices:\n      - permissions: rwm\n        source: ${D}\n        target: ${D}\n");
  expect_contains(out, "published: \"8080\"\n");
  expect_contains(out, "tmpfs:\n      - /a\n");
}

TEST_F(ConfigTest, NoInterpolateMergesASingleTextWithAList) {
  options.no_interpolate = true;
  options.files = {"compose.yaml", "over.yaml"};
  write("over.yaml", "services: {web: {tmpfs: /b}, db: {tmpfs: [/d]}}\n");
  std::string out = config("services: {web: {image: a, tmpfs: /a}, db: {image: a, tmpfs: /c}}\n");
  expect_contains(out, "tmpfs:\n      - /a\n      - /b\n");
  expect_contains(out, "tmpfs:\n      - /c\n      - /d\n");
}

TEST_F(ConfigTest, NoInterpolateShowsServicesOfAllProfiles) {
  options.no_interpolate = true;
  expect_contains(config("services: {web: {image: a}, ai: {image: b, profiles: [\"${P}\"]}}\n"), "image: b");
}

TEST_F(ConfigTest, NoNormalizeShowsResourcesWithoutValueAsEmpty) {
  options.no_normalize = true;
  expect_contains(config("services: {web: {image: a, volumes: [\"data:/d\"]}}\nvolumes: {data: }\n"),
                  "volumes:\n  data: {}\n");
}

TEST_F(ConfigTest, ValuesThatTheReferencePrintsDifferently) {
  std::string out = config(
      "version: \"3\"\nname: k\nservices:\n  web:\n    image: a\n    ports: [010]\n    expose: [0x50]\n    "
      "group_add: "
      "[010]\n    cpus: 010\n    oom_score_adj: \"0755\"\n    dns_search: \"\"\n    ipc: \"\"\n    volumes: "
      "[\"/a/../b//:/c/../d/\"]\n"
      "    devices: [{source: /dev/a, target: /dev/b}]\n    tmpfs: [\"/t:size=1\", \"/u:size=1\", "
      "\"/u:size=2\"]\n"
      "    build: {context: /x/../y, provenance: true, secrets: [{source: s, uid: \"1\"}]}\n"
      "    deploy: {placement: {constraints: []}, resources: {}}\n"
      "    blkio_config: {device_read_bps: [{path: /dev/a, rate: 0}]}\n"
      "secrets: {s: {environment: HOME}}\nnetworks: {default: {ipam: {config: []}}}\n");
  EXPECT_EQ(out.find("version"), std::string::npos);
  EXPECT_EQ(out.find("ipam"), std::string::npos);
  EXPECT_EQ(out.find("permissions"), std::string::npos);
  for (const char* part :
       {"target: 8\n", "expose:\n      - \"80\"\n", "group_add:\n      - \"8\"\n", "cpus: 8\n",
        "oom_score_adj: 755\n", "dns_search:\n      - \"\"\n", "source: /a/../b//\n        target: /d\n",
        "context: /x/../y\n", "provenance: \"true\"\n", "- source: s\n          uid: \"1\"\n", "deploy: {}\n",
        "rate: \"0\"\n", "- /t:size=1\n      - /u:size=2\n"})
    expect_contains(out, part);
}

TEST_F(ConfigTest, BindOptionsOfNamedVolumesAreKept) {
  std::string out = config(
      "services: {web: {image: a, volumes: [\"data:/d:z,ro\", \"data:/e:rslave\", \"./x:/x:cached\"]}}\n"
      "volumes: {data: }\n");
  expect_contains(out,
                  "      - type: volume\n        source: data\n        target: /d\n        read_only: true\n "
                  "       bind:\n"
                  "          selinux: z\n        volume: {}\n");
  expect_contains(out, "bind:\n          propagation: rslave\n        volume: {}\n");
  EXPECT_EQ(out.find("cached"), std::string::npos);
  EXPECT_EQ(config(out), out);
}

TEST_F(ConfigTest, OptionsOfProvidersAreLists) {
  options.refuse = false;
  expect_contains(
      config("services: {db: {provider: {type: x, options: {size: 5, on: [true, a]}}}}\n"),
      "options:\n        \"on\":\n          - \"true\"\n          - a\n        size:\n          - \"5\"\n");
}

}  // namespace
}  // namespace stack::compose

// The engine's API itself: responses that typed clients can decode, bodies of any shape, many clients.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "api_schema.h"
#include "base/fd.h"
#include "base/text.h"
#include "scenario.h"

namespace stack::e2e {
namespace {

class Api : public Scenario {
 protected:
  ApiAnswer call(const std::string& method, const std::string& path, const Json& body = nullptr) {
    return api_call(stack().socket(), method, path, body);
  }
  // Starts a container in each state that a list can show.
  void start_examples() {
    project("api", R"(
services:
  healthy:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    ports: ["18055:80", "53/udp"]
    volumes: ["data:/data", "/tmp:/host:ro"]
    tmpfs: /scratch
    healthcheck: {test: "true", interval: 1s}
    labels: {tier: front}
    deploy: {resources: {limits: {memory: 64m, cpus: "0.5"}}}
  unhealthy:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    healthcheck: {test: "false", interval: 1s, retries: 1}
  exited:
    image: debian:bookworm-slim
    command: "false"
  host:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    network_mode: host
volumes: {data: {}}
)");
    must({"up", "-d"});
    ASSERT_TRUE(eventually(20s, [&] {
      return container("healthy").health == "healthy" && container("unhealthy").health == "unhealthy" &&
             container("exited").state == "exited";
    }));
  }
  static std::string joined(const std::vector<std::string>& lines) { return join(lines, "\n"); }
};

// The example values of path parameters.
struct Read {
  std::string pattern;
  std::string path;
};

TEST_F(Api, EveryResponseMatchesDockersDefinitions) {
  start_examples();
  if (HasFatalFailure()) return;
  ApiSchema schema;
  std::string id = container("healthy").id;
  Json exec = call("POST", "/containers/" + id + "/exec", {{"Cmd", {"true"}}, {"AttachStdout", true}}).body;
  std::vector<Read> reads{{"/info", "/info"},
                          {"/version", "/version"},
                          {"/containers/json", "/containers/json?all=1&size=1"},
                          {"/containers/{id}/top", "/containers/" + id + "/top"},
                          {"/containers/{id}/changes", "/containers/" + id + "/changes"},
                          {"/containers/{id}/stats", "/containers/" + id + "/stats?stream=0&one-shot=1"},
                          {"/exec/{id}/json", "/exec/" + string_or(exec, "Id") + "/json"},
                          {"/images/json", "/images/json"},
                          {"/images/{name}/json", "/images/debian:bookworm-slim/json"},
                          {"/images/{name}/history", "/images/debian:bookworm-slim/history"},
                          {"/networks", "/networks"},
                          {"/networks/{id}", "/networks/api_default"},
                          {"/networks/{id}", "/networks/bridge"},
                          {"/networks/{id}", "/networks/host"},
                          {"/networks/{id}", "/networks/none"},
                          {"/volumes", "/volumes"},
                          {"/volumes/{name}", "/volumes/api_data"},
                          {"/system/df", "/system/df"},
                          {"/plugins", "/plugins"}};
  for (const RunningContainer& each : containers())
    reads.push_back({"/containers/{id}/json", "/containers/" + each.id + "/json?size=1"});
  for (const Read& read : reads)
    for (const char* version : {"/v1.24", "/v1.41", "/v1.50", ""}) {
      ApiAnswer answer = call("GET", version + read.path);
      EXPECT_EQ(answer.status, 200) << version << read.path << " " << to_text(answer.body);
      std::vector<std::string> problems = schema.problems("GET", read.pattern, 200, answer.body);
      EXPECT_TRUE(problems.empty()) << version << read.path << "\n" << joined(problems);
    }
}

TEST_F(Api, TypedClientsCanDecodeContainers) {
  start_examples();
  if (HasFatalFailure()) return;
  for (const Json& row : call("GET", "/v1.52/containers/json?all=1").body) {
    EXPECT_TRUE(row["Health"].is_object()) << to_text(row["Health"]);
    EXPECT_TRUE(row["Health"]["Status"].is_string());
  }
  Json details = call("GET", "/containers/" + container("healthy").id + "/json").body;
  EXPECT_EQ(string_or(details["HostConfig"]["Tmpfs"], "/scratch", "none"), "");
  EXPECT_TRUE(details["NetworkSettings"]["Networks"]["api_default"]["GwPriority"].is_number());
  EXPECT_NE(string_or(details["NetworkSettings"]["Networks"]["api_default"], "Gateway"), "");
  Json info = call("GET", "/info").body;
  for (const char* member : {"SystemTime", "Debug", "ExperimentalBuild"})
    EXPECT_TRUE(info.contains(member)) << member;
  // Clients that request the newest version must be able to read it as well.
  for (const char* version : {"/v1.44", "/v1.52"})
    EXPECT_TRUE(call("GET", std::string(version) + "/images/debian:bookworm-slim/json").body.contains("ContainerConfig"))
        << version;
}

TEST_F(Api, SwarmPathsRespondLikeAnEngineOutsideASwarm) {
  must({"image", "ls"});
  for (const char* path : {"/swarm", "/nodes", "/services", "/services/create", "/tasks", "/secrets",
                           "/configs", "/v1.41/swarm/leave"})
    for (const char* method : {"GET", "POST"}) {
      ApiAnswer answer = call(method, path);
      EXPECT_EQ(answer.status, 503) << path;
      EXPECT_NE(string_or(answer.body, "message").find("This node is not a swarm manager."),
                std::string::npos);
    }
  EXPECT_EQ(call("GET", "/plugins").body, Json::array());
}

TEST_F(Api, PredefinedNetworksExistAndCannotBeRemoved) {
  must({"image", "ls"});
  std::vector<std::string> names;
  for (const Json& row : call("GET", "/networks?filters={\"type\":[\"builtin\"]}").body)
    names.push_back(string_or(row, "Name"));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(join(names, " "), "bridge host none");
  for (const std::string& name : names) {
    std::string id = string_or(call("GET", "/networks/" + name).body, "Id");
    EXPECT_EQ(id.size(), 64U) << name;
    EXPECT_EQ(string_or(call("GET", "/networks/" + id).body, "Name"), name);
    EXPECT_EQ(call("DELETE", "/networks/" + name).status, 403) << name;
    EXPECT_EQ(call("POST", "/networks/create", {{"Name", name}}).status, 403) << name;
  }
  EXPECT_FALSE(call("GET", "/networks/bridge").body["IPAM"]["Config"].empty());
}

// ---- bodies of any shape ----

// Replaces each part of the value, one at a time, by a value of another type.
void mutate(const Json& value, const std::function<void(const Json&)>& use) {
  static const std::vector<Json> kOthers{nullptr,
                                         true,
                                         7,
                                         -1,
                                         1e300,
                                         uint64_t{1} << 63,
                                         "text",
                                         "",
                                         Json::array(),
                                         Json::object(),
                                         Json::array({1}),
                                         Json{{"a", 1}}};
  for (const Json& other : kOthers)
    if (other != value) use(other);
  if (value.is_object()) {
    for (const auto& [key, member] : value.items())
      mutate(member, [&, name = key](const Json& changed) {
        Json copy = value;
        copy[name] = changed;
        use(copy);
      });
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i)
      mutate(value[i], [&](const Json& changed) {
        Json copy = value;
        copy[i] = changed;
        use(copy);
      });
  }
}

struct BodyRoute {
  std::string path;
  Json body;
};

std::vector<BodyRoute> body_routes() {
  Json project{{"name", "fuzzed"}, {"working_dir", "/nowhere"}, {"services", Json::object()}};
  Json build{{"no_cache", true}, {"args", {{"A", "b"}}}, {"proxy", {{"HTTP_PROXY", "x"}}}};
  std::vector<BodyRoute> routes{
      {"/containers/create",
       {{"Image", "debian:bookworm-slim"},
        {"Cmd", {"true"}},
        {"Env", {"A=b"}},
        {"Labels", {{"a", "b"}}},
        {"ExposedPorts", {{"80/tcp", Json::object()}}},
        {"Healthcheck", {{"Test", {"CMD", "true"}}, {"Interval", 1000000}}},
        {"HostConfig",
         {{"Binds", {"/tmp:/tmp"}},
          {"PortBindings", {{"80/tcp", {{{"HostIp", ""}, {"HostPort", "0"}}}}}},
          {"RestartPolicy", {{"Name", "no"}, {"MaximumRetryCount", 0}}},
          {"Mounts", {{{"Type", "tmpfs"}, {"Target", "/x"}, {"TmpfsOptions", {{"SizeBytes", 4096}}}}}},
          {"Ulimits", {{{"Name", "nofile"}, {"Soft", 10}, {"Hard", 20}}}}}},
        {"NetworkingConfig", {{"EndpointsConfig", {{"bridge", {{"Aliases", {"x"}}}}}}}}}},
      {"/containers/nobody/exec", {{"Cmd", {"true"}}, {"Env", {"A=b"}}, {"ConsoleSize", {24, 80}}}},
      {"/containers/nobody/update", {{"Memory", 0}, {"RestartPolicy", {{"Name", "no"}}}}},
      {"/exec/nobody/start", {{"Detach", true}, {"Tty", false}, {"ConsoleSize", {24, 80}}}},
      {"/networks/create",
       {{"Name", "fuzzed/"},
        {"Options", {{"a", "b"}}},
        {"IPAM", {{"Config", {{{"Subnet", "10.1.0.0/24"}}}}}}}},
      {"/networks/nobody/connect", {{"Container", "x"}, {"EndpointConfig", {{"Aliases", {"a"}}}}}},
      {"/networks/nobody/disconnect", {{"Container", "x"}, {"Force", false}}},
      {"/volumes/create", {{"Name", "fuzzed/"}, {"DriverOpts", {{"a", "b"}}}, {"Labels", {{"a", "b"}}}}},
      {"/commit?container=nobody", {{"Cmd", {"true"}}}},
      {"/stack/v1/images/bootstrap", {{"reference", "nowhere:none"}}},
      {"/stack/v1/build", {{"context", "/nowhere"}, {"tags", {"a"}}, {"options", build}}},
      {"/stack/v1/containers/nobody/sync",
       {{"copy", {{{"source", "/a"}, {"target", "/b"}}}}, {"remove", {"/x"}}}}};
  Json up{{"services", {"web"}},
          {"scale", {{"web", 2}}},
          {"timeout", 1},
          {"pull", "missing"},
          {"build_options", build}};
  for (const char* verb : {"up", "plan"})
    routes.push_back(
        {std::string("/stack/v1/projects/fuzzed/") + verb, {{"project", project}, {"options", up}}});
  routes.push_back(
      {"/stack/v1/projects/fuzzed/down",
       {{"project", project}, {"options", {{"services", {"web"}}, {"timeout", 1}, {"rmi", ""}}}}});
  routes.push_back(
      {"/stack/v1/projects/fuzzed/build", {{"project", project}, {"options", build}, {"services", {"web"}}}});
  routes.push_back({"/stack/v1/projects/fuzzed/run",
                    {{"project", project},
                     {"service", "web"},
                     {"options", {{"command", {"true"}}, {"env", {"A=b"}}, {"no_deps", true}}}}});
  for (const char* verb : {"start", "stop", "restart", "kill", "rm", "pause", "unpause"})
    routes.push_back({std::string("/stack/v1/projects/fuzzed/") + verb,
                      {{"services", {"web"}}, {"timeout", 1}, {"signal", "TERM"}, {"no_deps", true}}});
  return routes;
}

TEST_F(Api, NoRequestBodyCrashesTheEngine) {
  must({"image", "ls"});
  pid_t engine = stack().engine_pid();
  int sent = 0;
  for (const BodyRoute& route : body_routes()) {
    ApiAnswer none = call("POST", route.path);
    EXPECT_NE(none.status, 0) << route.path << " without a body";
    mutate(route.body, [&](const Json& body) {
      if (HasFailure()) return;
      ApiAnswer answer = call("POST", route.path, body);
      ++sent;
      EXPECT_NE(answer.status, 0) << route.path << " " << to_text(body);
      EXPECT_NE(answer.status, 500) << route.path << " " << to_text(body) << "\n" << to_text(answer.body);
    });
    ASSERT_EQ(stack().engine_pid(), engine) << "the engine ended at " << route.path;
  }
  EXPECT_GT(sent, 1000);
  for (const Json& row : call("GET", "/containers/json?all=1").body)
    call("DELETE", "/containers/" + string_or(row, "Id") + "?force=1&v=1");
  call("POST", "/networks/prune");
  call("POST", "/volumes/prune?filters=%7B%22all%22%3A%5B%22true%22%5D%7D");
}

TEST_F(Api, DeeplyNestedBodiesAreRejected) {
  must({"image", "ls"});
  std::string deep(200'000, '[');
  CommandOptions options;
  options.input = deep;
  CommandResult sent = run_command(
      {"curl", "-s", "--unix-socket", stack().socket(), "-X", "POST", "-H", "Content-Type: application/json",
       "--data-binary", "@-", "http://stack/stack/v1/projects/p/up"},
      options);
  if (sent.code == 127) GTEST_SKIP() << "no curl here";
  EXPECT_NE(sent.out.find("nested deeper"), std::string::npos) << sent.text();
}

// ---- many clients ----

void allow_descriptors(rlim_t count) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min(limit.rlim_max, std::max(limit.rlim_cur, count));
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Fd connect_to_engine(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strncpy(name.sun_path, path.c_str(), sizeof name.sun_path - 1);
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return Fd();
  return socket;
}

// Reads until the text arrives or the time is over.
bool hears(const Fd& socket, const std::string& text, std::string& heard) {
  timeval limit{30, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  char buffer[4096];
  while (heard.find(text) == std::string::npos) {
    ssize_t n = ::read(socket.get(), buffer, sizeof buffer);
    if (n <= 0) return false;
    heard.append(buffer, static_cast<size_t>(n));
  }
  return true;
}

TEST_F(Api, DockerSocketLinksToTheEngineWhenEnabled) {
  must({"image", "ls"});
  std::string path = folder() + "/docker.sock";
  auto docker_socket = [&](const std::string& word) {
    std::vector<std::string> args{"engine", "docker-socket", "--path", path};
    if (!word.empty()) args.push_back(word);
    return args;
  };
  EXPECT_EQ(must(docker_socket("")).out, "off\n");
  must(docker_socket("on"));
  must(docker_socket("on"));
  EXPECT_EQ(api_call(path, "GET", "/_ping").status, 200);
  EXPECT_EQ(must(docker_socket("")).out, "on: " + path + " is " + stack().socket() + "\n");
  must(docker_socket("off"));
  EXPECT_FALSE(path_exists(path));
  must(docker_socket("off"));
  ASSERT_TRUE(write_file(path, "another program's"));
  must_fail(docker_socket("on"), {path, "is not a link to this engine"});
  must_fail(docker_socket("off"), {path, "is not a link to this engine"});
  EXPECT_EQ(read_file(path).value_or(""), "another program's");
}

TEST_F(Api, ContainersCanBeAttachedByWebSocket) {
  must({"image", "ls"});
  Json made =
      call("POST", "/containers/create?name=talker",
           {{"Image", "debian:bookworm-slim"}, {"Cmd", {"cat"}}, {"OpenStdin", true}, {"StdinOnce", true}})
          .body;
  std::string path = "/containers/" + string_or(made, "Id");
  EXPECT_EQ(call("GET", path + "/attach/ws?stream=1").status, 400);
  Fd socket = connect_to_engine(stack().socket());
  ASSERT_TRUE(socket);
  ASSERT_TRUE(
      write_all(socket.get(), "GET " + path +
                                  "/attach/ws?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\n"
                                  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
  std::string heard;
  ASSERT_TRUE(hears(socket, "\r\n\r\n", heard)) << heard;
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 101 ")) << heard;
  EXPECT_NE(heard.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos) << heard;
  ASSERT_EQ(call("POST", path + "/start").status, 204);
  // "hi\n" as a binary message, with a mask of zeros.
  ASSERT_TRUE(write_all(socket.get(), std::string("\x82\x83\x00\x00\x00\x00hi\n", 9)));
  ASSERT_TRUE(hears(socket, "\x82\x03hi\n", heard)) << heard;
  // The client's close ends the input, and with it the container.
  ASSERT_TRUE(write_all(socket.get(), std::string("\x88\x80\x00\x00\x00\x00", 6)));
  ASSERT_TRUE(hears(socket, std::string("\x88\x00", 2), heard)) << heard;
  EXPECT_EQ(int_or(call("POST", path + "/wait").body, "StatusCode", -1), 0);
  EXPECT_EQ(call("DELETE", path).status, 204);
}

TEST_F(Api, AThousandFollowersOfOneLogAreServed) {
  allow_descriptors(4096);
  project("many", R"(
services:
  web:
    image: debian:bookworm-slim
    stop_signal: SIGKILL
    command: bash -c 'echo first; until [ -e /go ]; do sleep 0.2; done; echo second; sleep infinity'
)");
  must({"up", "-d"});
  std::string id = container("web").id;
  std::string request = "GET /containers/" + id + "/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n";
  std::vector<Fd> followers;
  for (int i = 0; i < 1000; ++i) {
    Fd socket = connect_to_engine(stack().socket());
    ASSERT_TRUE(socket) << i;
    ASSERT_TRUE(write_all(socket.get(), request)) << i;
    followers.push_back(std::move(socket));
  }
  std::vector<std::string> heard(followers.size());
  for (size_t i = 0; i < followers.size(); ++i)
    ASSERT_TRUE(hears(followers[i], "first", heard[i])) << heard[i];
  must({"exec", "-T", "web", "touch", "/go"});
  for (size_t i = 0; i < followers.size(); ++i)
    ASSERT_TRUE(hears(followers[i], "second", heard[i])) << heard[i];
  // The engine still serves with them connected.
  EXPECT_EQ(call("GET", "/_ping").status, 200);
}

TEST_F(Api, IdleClientsDoNotBlockNewOnes) {
  allow_descriptors(4096);
  must({"image", "ls"});
  std::vector<Fd> idle;
  for (int i = 0; i < 1100; ++i) idle.push_back(connect_to_engine(stack().socket()));
  EXPECT_EQ(call("GET", "/version").status, 200);
}

TEST_F(Api, TheEngineRaisesItsDescriptorLimitAndContainersGetTheCallers) {
  project("limits", R"(
services:
  web:
    image: debian:bookworm-slim
    stop_signal: SIGKILL
    command: sleep infinity
)");
  std::vector<std::string> up = stack().argv({"up", "-d"});
  std::string command = "ulimit -Sn 512; exec";
  for (const std::string& word : up) command += " " + shell_quote(word);
  CommandOptions options;
  options.directory = folder() + "/limits";
  CommandResult started = run_command({"sh", "-c", command}, options);
  ASSERT_EQ(started.code, 0) << started.text();
  auto soft_limit = [](pid_t pid) {
    std::string limits = read_file("/proc/" + std::to_string(pid) + "/limits").value_or("");
    size_t line = limits.find("Max open files");
    return line == std::string::npos ? 0L : std::atol(limits.c_str() + line + 26);
  };
  rlimit own{};
  ::getrlimit(RLIMIT_NOFILE, &own);
  EXPECT_EQ(soft_limit(stack().engine_pid()), static_cast<long>(std::min<rlim_t>(own.rlim_max, 1 << 20)));
  EXPECT_EQ(soft_limit(container("web").pid), 512);
  EXPECT_EQ(inside("web", "ulimit -Sn"), "512");
}

}  // namespace
}  // namespace stack::e2e

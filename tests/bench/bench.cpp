// Measures the figures of docs/PERFORMANCE.md: stack, the floor, and other installed engines, in one run.
//
//   bench_run [--runs N] [--images ROOT] [ROW...]     rows: container exec example
//
// Run as root on a quiet machine, release build. --images: a state root with the images of the flask-redis-nginx
// example (the end-to-end tests keep one); without it, the example is built first.
#include <signal.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <set>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "bundle.h"
#include "measure.h"

namespace stack::bench {
namespace {

struct Options {
  int runs = 20;
  std::string images;
  std::set<std::string> rows{"container", "exec", "example"};
};

// Runs a script, ignores its output, and returns its exit code.
int quietly(const std::string& script) {
  SpawnRequest request;
  request.program = "/bin/sh";
  request.args = {"-c", script};
  Result<CapturedRun> run = run_captured(request);
  return run ? run->exit_code : -1;
}

int loudly(const std::string& script) {
  SpawnRequest request;
  request.program = "/bin/sh";
  request.args = {"-c", script};
  Result<CapturedRun> run = run_captured(request);
  if (!run || run->exit_code != 0)
    std::fprintf(stderr, "%s\nfails: %s\n", script.c_str(),
                 run ? run->output.c_str() : run.error().text().c_str());
  return run ? run->exit_code : -1;
}

bool installed(const std::string& program) { return quietly("command -v " + program) == 0; }

// The OCI runtimes; ours is in the build folder.
std::vector<std::string> runtimes() {
  std::vector<std::string> out{"stack-runtime"};
  for (const char* name : {"crun", "runc"})
    if (installed(name)) out.emplace_back(name);
  return out;
}

std::string first_line(const std::string& script) {
  SpawnRequest request;
  request.program = "/bin/sh";
  request.args = {"-c", script};
  Result<CapturedRun> run = run_captured(request);
  return run && run->exit_code == 0 ? run->output.substr(0, run->output.find('\n')) : "";
}

// The files for all rows, below one temporary folder.
struct Ground {
  std::string folder;
  std::string rootfs() const { return folder + "/rootfs"; }
  std::string tests = STACK_TESTS_DIR;

  std::string stack() const {
    return std::string(STACK_BIN_DIR) + "/stack --root " + folder + "/state --run-root " + folder + "/run";
  }
  std::vector<std::string> stack_argv(const std::vector<std::string>& args) const {
    std::vector<std::string> all = split(stack(), ' ');
    all.insert(all.end(), args.begin(), args.end());
    return all;
  }
  std::string project() const { return folder + "/true"; }
};

Result<> prepare(const Ground& ground, const Options& options) {
  TRY(make_rootfs(ground.rootfs(), ground.tests + "/bench_true"));
  std::vector<std::string> names{"run"};
  // Each has its own group, because these containers exist at the same time.
  for (const std::string& runtime : runtimes()) names.push_back("exec-" + runtime);
  for (const std::string& name : names) {
    const std::string bundle = ground.folder + "/bundle-" + name;
    TRY(ensure_directory(bundle));
    std::vector<std::string> args{"/true"};
    if (name != "run") args.push_back("stay");
    TRY_ASSIGN(Json config, oci_config(name, ground.rootfs(), args));
    TRY(write_file(bundle + "/config.json", to_text(config)));
  }
  TRY(ensure_directory(ground.folder + "/state"));
  if (!options.images.empty())
    loudly("cp -a " + options.images + "/images " + ground.folder + "/state/images");
  TRY(ensure_directory(ground.project()));
  if (loudly("cp " + ground.rootfs() + "/true " + ground.project() + "/true") != 0)
    return Error("cannot prepare");
  TRY(write_file(ground.project() + "/Dockerfile",
                 "FROM scratch\nCOPY true /true\nENTRYPOINT [\"/true\"]\n"));
  return write_file(ground.project() + "/docker-compose.yml",
                    "services:\n"
                    "  job: {build: ., network_mode: none}\n"
                    "  stay: {build: ., network_mode: none, command: [stay], stop_signal: SIGKILL}\n");
}

// crun 1.8 refuses machines whose cgroup2 hierarchy has controllers in addition to v1's. On such machines it runs
// in a mount namespace without that hierarchy; entering it costs about a millisecond.
class CrunWorld {
 public:
  CrunWorld() {
    if (!path_exists("/sys/fs/cgroup/unified") ||
        first_line("cat /sys/fs/cgroup/unified/cgroup.controllers").empty())
      return;
    SpawnRequest request;
    request.program = "unshare";
    request.args = {"-m", "sh", "-c", "umount /sys/fs/cgroup/unified && exec sleep infinity"};
    Result<pid_t> pid = spawn(request);
    if (!pid) return;
    holder_ = *pid;
    ::usleep(200'000);
    prefix_ = {"nsenter", "--mount=/proc/" + std::to_string(holder_) + "/ns/mnt"};
  }
  CrunWorld(const CrunWorld&) = delete;
  CrunWorld& operator=(const CrunWorld&) = delete;
  ~CrunWorld() {
    if (holder_ <= 0) return;
    ::kill(holder_, SIGKILL);
    (void)wait_for(holder_);
  }
  std::vector<std::string> argv(const std::string& runtime, const std::vector<std::string>& args) const {
    std::vector<std::string> all = runtime == "crun" ? prefix_ : std::vector<std::string>();
    all.push_back(runtime == "stack-runtime" ? STACK_BIN_DIR "/stack-runtime" : runtime);
    all.insert(all.end(), args.begin(), args.end());
    return all;
  }

 private:
  pid_t holder_ = -1;
  std::vector<std::string> prefix_;
};

// A responding Docker-like engine with the imported image; "" if there is none.
std::string docker_like(const Ground& ground, const std::string& program) {
  if (!installed(program) || quietly(program + " info") != 0) return "";
  if (quietly("tar -C " + ground.rootfs() + " -c . | " + program + " import - stackbench/true") != 0)
    return "";
  return program;
}

Row container_row(const Ground& ground, const Options& options, const CrunWorld& world) {
  Row row{"one container, run to exit", {}, options.runs, options.runs * 2};
  const std::string work = ground.folder + "/floor";
  loudly("mkdir -p " + work + "/upper " + work + "/work");
  row.contenders.push_back({"floor",
                            {ground.tests + "/bench_floor", ground.rootfs(), work + "/upper", work + "/work"},
                            "",
                            {},
                            {}});
  row.contenders.push_back(
      {"stack", ground.stack_argv({"run", "--rm", "-T", "job"}), ground.project(), {}, {}});
  for (const std::string& runtime : runtimes())
    row.contenders.push_back({runtime,
                              world.argv(runtime, {"run", "-b", ground.folder + "/bundle-run", "stackbench"}),
                              "",
                              {},
                              {}});
  for (const char* program : {"podman", "docker"}) {
    if (!docker_like(ground, program).empty())
      row.contenders.push_back(
          {program, {program, "run", "--rm", "--network", "none", "stackbench/true", "/true"}, "", {}, {}});
  }
  return row;
}

std::vector<Measured> exec_row(const Ground& ground, const Options& options, const CrunWorld& world) {
  Row row{"exec in a running container", {}, options.runs, options.runs * 2};
  loudly("cd " + ground.project() + " && " + ground.stack() + " up -d stay");
  row.contenders.push_back(
      {"stack", ground.stack_argv({"exec", "-T", "stay", "/true"}), ground.project(), {}, {}});
  for (const std::string& runtime : runtimes()) {
    loudly(join(world.argv(runtime, {"run", "-d", "-b", ground.folder + "/bundle-exec-" + runtime,
                                     "stackbench-" + runtime}),
                " ") +
           " </dev/null >/dev/null 2>&1");
    row.contenders.push_back(
        {runtime, world.argv(runtime, {"exec", "stackbench-" + runtime, "/true"}), "", {}, {}});
  }
  for (const std::string program : {"podman", "docker"}) {
    if (docker_like(ground, program).empty()) continue;
    loudly(program + " run -d --name stackbench --network none stackbench/true /true stay");
    row.contenders.push_back({program, {program, "exec", "stackbench", "/true"}, "", {}, {}});
  }
  std::vector<Measured> measured = measure(row);
  loudly("cd " + ground.project() + " && " + ground.stack() + " down");
  for (const std::string& runtime : runtimes())
    quietly(join(world.argv(runtime, {"delete", "-f", "stackbench-" + runtime}), " "));
  for (const std::string program : {"podman", "docker"}) quietly(program + " rm -f stackbench");
  return measured;
}

// `up`, `up` again, `ps` and `down` of the example by one Compose implementation.
struct Composer {
  std::string name;
  std::vector<std::string> argv;  // before the command
  std::function<void()> cold;     // before a measured `up`
};

std::vector<Measured> example_rows(const Ground& ground, const Options& options, const std::string& label,
                                   const std::vector<std::string>& files) {
  const std::string project = ground.folder + "/flask-redis-nginx";
  std::vector<Composer> composers;
  composers.push_back({"stack", ground.stack_argv({}), [&ground] {
                         quietly("curl -s -X POST --unix-socket " + ground.folder +
                                 "/run/stack.sock http://x/stack/v1/shutdown; sleep 0.2");
                       }});
  if (quietly("docker info") == 0 && quietly("docker compose version") == 0)
    composers.push_back({"docker compose", {"docker", "compose"}, {}});
  if (quietly("docker info") == 0 && installed("docker-compose"))
    composers.push_back({"docker-compose", {"docker-compose"}, {}});
  const int runs = std::max(3, options.runs / 4);
  Row up{label + ": up -d", {}, runs, 0};
  Row again{label + ": up -d, nothing to do", {}, options.runs, options.runs};
  Row ps{label + ": ps", {}, options.runs, options.runs};
  Row down{label + ": down", {}, runs, 0};
  for (const Composer& composer : composers) {
    auto command = [&](const std::vector<std::string>& args) {
      std::vector<std::string> argv = composer.argv;
      for (const std::string& file : files) argv.insert(argv.end(), {"-f", file});
      argv.insert(argv.end(), args.begin(), args.end());
      return argv;
    };
    auto shell = [&, command](const std::vector<std::string>& args) {
      std::string line = "cd " + project + " &&";
      for (const std::string& word : command(args)) line += " " + shell_quote(word);
      return line;
    };
    std::string up_line = shell({"up", "-d"});
    std::string down_line = shell({"down", "-v"});
    up.contenders.push_back({composer.name, command({"up", "-d"}), project,
                             [=] {
                               quietly(down_line);
                               if (composer.cold) composer.cold();
                             },
                             [=] { quietly(down_line); }});
    down.contenders.push_back(
        {composer.name, command({"down", "-v"}), project, [=] { quietly(up_line); }, {}});
    again.contenders.push_back({composer.name, command({"up", "-d"}), project, {}, {}});
    ps.contenders.push_back({composer.name, command({"ps"}), project, {}, {}});
  }
  std::vector<Measured> all = measure(up);
  for (const Contender& contender : down.contenders) contender.before();
  for (const Row& row : {again, ps})
    for (Measured& one : measure(row)) all.push_back(std::move(one));
  for (Measured& one : measure(down)) all.push_back(std::move(one));
  return all;
}

Result<> prepare_example(const Ground& ground) {
  const std::string project = ground.folder + "/flask-redis-nginx";
  if (loudly("cp -r " STACK_SOURCE_DIR "/compose-examples/flask-redis-nginx " + project) != 0)
    return Error("cannot copy the example");
  // Waits until all containers run, but not for their health.
  TRY(write_file(project + "/started.yml",
                 "services:\n  web:\n    depends_on:\n      redis:\n        condition: service_started\n"
                 "  nginx:\n    depends_on:\n      web:\n        condition: service_started\n"));
  if (loudly("cd " + project + " && " + ground.stack() + " build") != 0)
    return Error("cannot build the example");
  return {};
}

std::string machine() {
  utsname system{};
  ::uname(&system);
  char date[32];
  std::time_t now = std::time(nullptr);
  std::strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", std::gmtime(&now));
  std::string cpu = first_line("sed -n 's/^model name[^:]*: //p' /proc/cpuinfo");
  std::string memory = first_line("awk '/MemTotal/{printf \"%d GiB\", $2/1048576}' /proc/meminfo");
  std::string versions;
  for (const char* program : {"crun", "runc", "podman"})
    if (installed(program)) versions += ", " + first_line(std::string(program) + " --version");
  if (quietly("docker info") == 0)
    versions += ", docker " + first_line("docker version -f '{{.Server.Version}}'");
  return std::string(date) + ", Linux " + system.release + ", " +
         std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)) + " x " + cpu + ", " + memory + versions;
}

int run(const Options& options) {
  if (::geteuid() != 0) {
    std::fprintf(stderr, "containers need root\n");
    return 1;
  }
  Result<TemporaryDirectory> folder = TemporaryDirectory::create("/tmp/stack-bench-");
  if (!folder) return 1;
  Ground ground{folder->path()};
  Result<> ready = prepare(ground, options);
  if (!ready) {
    std::fprintf(stderr, "%s\n", ready.error().text().c_str());
    return 1;
  }
  CrunWorld world;
  std::vector<Measured> all;
  auto append = [&](std::vector<Measured> more) { all.insert(all.end(), more.begin(), more.end()); };
  if (options.rows.contains("container") || options.rows.contains("exec"))
    loudly("cd " + ground.project() + " && " + ground.stack() + " build");
  if (options.rows.contains("container")) append(measure(container_row(ground, options, world)));
  if (options.rows.contains("exec")) append(exec_row(ground, options, world));
  if (options.rows.contains("example")) {
    Result<> example = prepare_example(ground);
    if (example) {
      append(example_rows(ground, options, "flask-redis-nginx until all run",
                          {"docker-compose.yml", "started.yml"}));
      append(
          example_rows(ground, options, "flask-redis-nginx until all are healthy", {"docker-compose.yml"}));
    } else {
      std::fprintf(stderr, "%s\n", example.error().text().c_str());
    }
  }
  quietly("curl -s -X POST --unix-socket " + ground.folder +
          "/run/stack.sock http://x/stack/v1/shutdown; sleep 0.5");
  std::printf("%s.\n\n%s", machine().c_str(), to_markdown(all).c_str());
  return 0;
}

}  // namespace
}  // namespace stack::bench

int main(int argc, char** argv) {
  stack::bench::Options options;
  std::set<std::string> rows;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word == "--runs" && i + 1 < argc)
      options.runs = std::atoi(argv[++i]);
    else if (word == "--images" && i + 1 < argc)
      options.images = argv[++i];
    else if (options.rows.contains(word))
      rows.insert(word);
    else {
      std::fprintf(stderr, "usage: bench_run [--runs N] [--images ROOT] [container] [exec] [example]\n");
      return 2;
    }
  }
  if (!rows.empty()) options.rows = rows;
  return stack::bench::run(options);
}

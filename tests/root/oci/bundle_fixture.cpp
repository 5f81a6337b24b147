#include "bundle_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "runtime/cgroup/cgroups.h"

namespace stack::runtime::test {

namespace {

template <typename T>
T must(Result<T> result, const char* what) {
  if (!result) {
    ADD_FAILURE() << what << ": " << result.error().text();
    std::abort();
  }
  return std::move(*result);
}

CapturedRun run_program(const std::string& program, std::vector<std::string> args) {
  SpawnRequest request;
  request.program = program;
  request.args = std::move(args);
  return must(run_captured(std::move(request)), program.c_str());
}

// Creates busybox and links to the applets that tests use.
void make_rootfs(const std::string& root) {
  for (const char* folder : {"/bin", "/etc", "/tmp", "/proc", "/sys", "/dev", "/data"})
    (void)ensure_directory(root + folder);
  (void)run_program("cp", {"/usr/bin/busybox", root + "/bin/busybox"});
  for (const char* applet :
       {"cat",  "chmod", "cut",   "df",    "echo",  "env",   "false", "grep", "head",     "hostname", "id",
        "ip",   "kill",  "ls",    "mkdir", "mount", "nproc", "ps",    "pwd",  "readlink", "sh",       "sleep",
        "stat", "stty",  "touch", "true",  "tty",   "uname", "wc",    "test", "unshare"})
    (void)::symlink("busybox", (root + "/bin/" + applet).c_str());
}

Json starting_spec(const std::string& cgroup) {
  TemporaryDirectory folder = must(TemporaryDirectory::create("/tmp/stack-spec-"), "folder");
  CapturedRun ran = run_program(STACK_RUNTIME, {"spec", "-b", folder.path()});
  EXPECT_EQ(ran.exit_code, 0) << ran.output;
  Json spec = must(parse_json(must(read_file(folder.path() + "/config.json"), "spec")), "spec");
  spec["process"]["terminal"] = false;
  spec["process"]["env"] = Json::array({"PATH=/bin"});
  spec["linux"]["cgroupsPath"] = cgroup;
  return spec;
}

bool soon(const std::function<bool()>& done) {
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace

std::string host_output(const std::string& command) { return run_program("sh", {"-c", command}).output; }

Bundle::Bundle() {
  folder_ = must(TemporaryDirectory::create("/tmp/stack-oci-"), "folder").release();
  ::chmod(folder_.c_str(), 0755);
  name_ = base_name(folder_);
  make_rootfs(root());
  spec = starting_spec(cgroup());
  spec["root"]["readonly"] = false;
}

Bundle::~Bundle() {
  for (const std::string& id : split(call({"list", "-q"}).output, '\n')) {
    if (!id.empty()) {
      EXPECT_EQ(call({"delete", "--force", id}).code, 0);
    }
  }
  EXPECT_EQ(call({"list", "-q"}).output, "");
  Result<Cgroups> cgroups = Cgroups::detect();
  if (cgroups) {
    EXPECT_FALSE(cgroups->exists(cgroup())) << "the container's cgroup is left behind";
    (void)cgroups->kill_all(cgroup());
    (void)cgroups->remove(cgroup());
  }
  EXPECT_EQ(host_output("grep " + folder_ + " /proc/self/mountinfo"), "") << "mounts are left behind";
  EXPECT_TRUE(remove_tree(folder_).has_value());
}

void Bundle::drop_namespace(const std::string& type) {
  Json kept = Json::array();
  for (const Json& item : spec["linux"]["namespaces"]) {
    if (item["type"] != type) kept.push_back(item);
  }
  spec["linux"]["namespaces"] = kept;
}

void Bundle::set_namespace(const std::string& type, const std::string& path) {
  drop_namespace(type);
  Json item{{"type", type}};
  if (!path.empty()) item["path"] = path;
  spec["linux"]["namespaces"].push_back(item);
}

void Bundle::write_config() { EXPECT_TRUE(write_file(folder_ + "/config.json", to_text(spec)).has_value()); }

Ran Bundle::call(const std::vector<std::string>& words, const std::map<std::string, std::string>& env,
                 const std::map<int, int>& fds) {
  SpawnRequest request;
  request.program = STACK_RUNTIME;
  request.args = {"--root", state_root()};
  request.args.insert(request.args.end(), words.begin(), words.end());
  for (char** entry = environ; *entry != nullptr; ++entry) request.env.emplace_back(*entry);
  for (const auto& [key, value] : env) request.env.push_back(key + "=" + value);
  request.replace_env = true;
  request.fds = fds;
  Fd null = must(open_file("/dev/null", O_RDONLY), "null");
  if (!fds.contains(0)) request.fds[0] = null.get();
  bool creates = std::find(words.begin(), words.end(), "run") != words.end() ||
                 std::find(words.begin(), words.end(), "create") != words.end();
  if (creates) write_config();
  // A created container would keep our pipe open, so its output goes to a file.
  std::string output = folder_ + "/output";
  Fd file = must(open_file(output, O_RDWR | O_CREAT | O_TRUNC), "output");
  if (!fds.contains(1)) request.fds[1] = file.get();
  if (!fds.contains(2)) request.fds[2] = file.get();
  pid_t pid = must(spawn(request), "spawn");
  Ran ran;
  ran.code = exit_code_of(must(wait_for(pid), "wait"));
  ran.output = must(read_file(output), "output");
  return ran;
}

Ran Bundle::run(const std::vector<std::string>& flags) {
  std::vector<std::string> words{"run", "--bundle", folder_};
  words.insert(words.end(), flags.begin(), flags.end());
  words.emplace_back("box");
  return call(words);
}

Ran Bundle::create(const std::vector<std::string>& flags) {
  std::vector<std::string> words{"create", "--bundle", folder_};
  words.insert(words.end(), flags.begin(), flags.end());
  words.emplace_back("box");
  return call(words);
}

std::string Bundle::status(const std::string& id) {
  Ran ran = call({"state", id});
  Result<Json> state = parse_json(ran.output);
  return state ? string_or(*state, "status") : ran.output;
}

pid_t Bundle::pid(const std::string& id) {
  Result<Json> state = parse_json(call({"state", id}).output);
  return state ? static_cast<pid_t>(int_or(*state, "pid", -1)) : -1;
}

bool Bundle::wait_for_status(const std::string& wanted, const std::string& id) {
  return soon([&] { return status(id) == wanted; });
}

bool Bundle::wait_for_file(const std::string& path) {
  return soon([&] { return path_exists(root() + path); });
}

std::string Bundle::file(const std::string& path) const { return read_file(root() + path).value_or(""); }

std::string Bundle::host_script(const std::string& name, const std::string& text) {
  std::string path = folder_ + "/" + name;
  EXPECT_TRUE(write_file(path, "#!/bin/sh\n" + text + "\n", 0755).has_value());
  ::chmod(path.c_str(), 0755);
  return path;
}

}  // namespace stack::runtime::test

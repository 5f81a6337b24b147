#include "scenario.h"

#include <sys/mount.h>

#include <algorithm>
#include <filesystem>

#include "image_cache.h"

namespace stack::e2e {

void Scenario::SetUp() {
  Result<TemporaryDirectory> work = TemporaryDirectory::create("/tmp/stack-e2e-");
  ASSERT_TRUE(work) << work.error().text();
  folder_.emplace(std::move(*work));
  std::filesystem::permissions(folder_->path(), std::filesystem::perms(0755));
  make_root();
  ASSERT_TRUE(root_);
  stack_ = std::make_unique<StackRoot>(root_->path() + "/state", folder() + "/run");
  Result<> images = install_images(stack_->root());
  ASSERT_TRUE(images) << images.error().text();
  before_ = take_snapshot();
}

void Scenario::make_root() {
  // On the disk, next to the image cache, so that images can be hard links.
  Result<TemporaryDirectory> root = TemporaryDirectory::create(on_disk() ? image_cache_folder() + "/scenario-"
                                                                         : std::string("/tmp/stack-root-"));
  ASSERT_TRUE(root) << root.error().text();
  root_.emplace(std::move(*root));
  // Only in this mount namespace; removed with it.
  if (!on_disk()) {
    ASSERT_EQ(::mount("scenario", root_->path().c_str(), "tmpfs", 0, "mode=0755"), 0);
  }
}

void Scenario::TearDown() {
  if (!stack_) return;
  down_everything();
  expect_nothing_left();
  stack_->shut_down();
  if (pid_t pid = stack_->engine_pid(); pid != 0)
    ADD_FAILURE() << "engine " << pid << " does not end when asked to";
  std::string left;
  eventually(5s, [&] {
    left = difference(before_, take_snapshot()) + left_on_disk(*stack_);
    return left.empty();
  });
  EXPECT_EQ(left, "") << "leak check after the engine's end";
  remove_cgroups(*stack_);
  if (!on_disk()) ::umount2(root_->path().c_str(), MNT_DETACH);
  if (HasFailure()) {
    std::string log = read_file(stack_->run_root() + "/stackd.log").value_or("");
    if (log.size() > 6000) log.erase(0, log.size() - 6000);
    std::printf("--- the engine's log ends with\n%s---\n", log.c_str());
  }
}

void Scenario::down_everything() {
  if (name_.empty()) return;
  Json projects = stack().api("GET", "/stack/v1/projects").body;
  if (!projects.is_array()) return;
  for (const Json& one : projects) {
    CommandResult down =
        stack().run({"-p", string_or(one, "name"), "down", "-v", "-t", "1", "--remove-orphans"});
    EXPECT_EQ(down.code, 0) << "taking down at the end of the test: " << down.text();
  }
  // Volumes of a project that is already down.
  Json volumes = stack().api("GET", "/volumes").body;
  if (!volumes.is_object() || !volumes.contains("Volumes") || !volumes["Volumes"].is_array()) return;
  for (const Json& one : volumes["Volumes"]) {
    if (string_or(one, "Name").starts_with(name_ + "_"))
      stack().run({"volume", "rm", string_or(one, "Name")});
  }
}

void Scenario::expect_nothing_left() {
  // Nothing restarts an engine that was killed after the last container was removed, and its default network remains.
  if (stack().engine_pid() == 0) must({"ls"});
  std::string left;
  // Namespaces disappear a moment after their last process.
  eventually(5s, [&] {
    left = left_in_engine(stack());
    return left.empty();
  });
  EXPECT_EQ(left, "") << "leak check with the engine still running";
}

void Scenario::project(const std::string& name, const std::string& yaml) {
  name_ = name;
  ASSERT_TRUE(ensure_directory(folder() + "/" + name));
  write("docker-compose.yml", yaml);
}

void Scenario::example(const std::string& name) {
  name_ = name;
  std::filesystem::copy(std::string(STACK_SOURCE_DIR) + "/compose-examples/" + name, folder() + "/" + name,
                        std::filesystem::copy_options::recursive);
}

void Scenario::write(const std::string& file, const std::string& text) {
  ASSERT_TRUE(ensure_directory(directory_name(path(file))));
  ASSERT_TRUE(write_file(path(file), text));
}

CommandResult Scenario::run(const std::vector<std::string>& args, std::map<std::string, std::string> env,
                            std::string input) {
  CommandOptions options;
  options.directory = name_.empty() ? folder() : folder() + "/" + name_;
  options.env = std::move(env);
  options.input = std::move(input);
  return stack().run(args, options);
}

CommandResult Scenario::docker(const std::vector<std::string>& args, std::string input) {
  CommandOptions options;
  options.directory = path("");
  options.env = {{"STACK_ROOT", stack().root()},
                 {"STACK_RUN_ROOT", stack().run_root()},
                 {"STACK_LIBEXEC", program_folder()},
                 {"DOCKER_CONFIG", folder() + "/.docker"}};
  options.input = std::move(input);
  std::vector<std::string> all{program_folder() + "/stack", "docker"};
  all.insert(all.end(), args.begin(), args.end());
  return run_command(all, options);
}

CommandResult Scenario::must_docker(const std::vector<std::string>& args, std::string input) {
  CommandResult result = docker(args, std::move(input));
  std::string shown = "stack docker";
  for (const std::string& word : args) shown += " " + word;
  EXPECT_EQ(result.code, 0) << shown << ": " << result.text();
  return result;
}

std::unique_ptr<BackgroundCommand> Scenario::start(const std::vector<std::string>& args,
                                                   std::map<std::string, std::string> env) {
  CommandOptions options;
  options.directory = folder() + "/" + name_;
  options.env = std::move(env);
  return std::make_unique<BackgroundCommand>(stack().argv(args), options);
}

CommandResult Scenario::must(const std::vector<std::string>& args, std::map<std::string, std::string> env) {
  CommandResult result = run(args, std::move(env));
  std::string line = "stack";
  for (const std::string& arg : args) line += " " + arg;
  EXPECT_EQ(result.code, 0) << line << ": " << result.text();
  return result;
}

CommandResult Scenario::must_fail(const std::vector<std::string>& args, const std::vector<std::string>& texts,
                                  int code, std::map<std::string, std::string> env) {
  CommandResult result = run(args, std::move(env));
  EXPECT_EQ(result.code, code) << result.text();
  for (const std::string& text : texts)
    EXPECT_NE(result.err.find(text), std::string::npos)
        << "stderr lacks \"" << text << "\": " << result.text();
  if (stack().engine_pid() != 0) expect_nothing_left();
  return result;
}

std::vector<RunningContainer> Scenario::containers(const std::string& service) {
  std::vector<RunningContainer> all = containers();
  std::erase_if(all, [&](const RunningContainer& one) { return one.service != service; });
  return all;
}

RunningContainer Scenario::container(const std::string& service) {
  std::vector<RunningContainer> all = containers(service);
  EXPECT_EQ(all.size(), 1U) << "containers of service " << service;
  return all.size() == 1 ? all.front() : RunningContainer();
}

std::string Scenario::address(const std::string& service) {
  RunningContainer one = container(service);
  return one.addresses.empty() ? "" : one.addresses.front();
}

std::map<std::string, std::string> Scenario::ids() {
  std::map<std::string, std::string> all;
  for (const RunningContainer& one : containers()) all[one.name] = one.id;
  return all;
}

std::string Scenario::inside(const std::string& service, const std::string& script) {
  CommandResult result = run({"exec", "-T", service, "sh", "-c", script});
  if (result.code != 0) return "exit " + std::to_string(result.code) + ": " + result.out + result.err;
  while (result.out.ends_with('\n')) result.out.pop_back();
  return result.out;
}

std::string Scenario::file_in(const RunningContainer& container, const std::string& path) {
  return read_file("/proc/" + std::to_string(container.pid) + "/root" + path).value_or("(missing)");
}

}  // namespace stack::e2e

#include "image_cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/files.h"
#include "base/identity.h"
#include "command.h"
#include "stack_command.h"

namespace stack::e2e {

namespace {

namespace fs = std::filesystem;

constexpr const char* kBase = "debian:bookworm-slim";
constexpr const char* kExamples[] = {"flask-redis-nginx", "flask-pip"};

std::string example_folder(const std::string& example) {
  return std::string(STACK_SOURCE_DIR) + "/compose-examples/" + example;
}

// Changes when a file of the examples does.
std::string cache_key() {
  std::vector<std::string> paths;
  for (const char* example : kExamples)
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(example_folder(example)))
      if (entry.is_regular_file()) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  Sha256 sum;
  for (const std::string& path : paths) {
    sum.update(path.substr(std::string(STACK_SOURCE_DIR).size()));
    sum.update(read_file(path).value_or(""));
  }
  return sum.finish_hex();
}

Result<> bootstrap(const StackRoot& stack) {
  if (stack.api("GET", "/images/debian:bookworm-slim/json").status == 200) return {};
  std::printf("bootstrapping %s ...\n", kBase);
  std::fflush(stdout);
  CommandOptions options;
  options.timeout = std::chrono::minutes(15);
  CommandResult result = stack.run({"image", "bootstrap", kBase}, options);
  if (result.code != 0) return Error("the base image cannot be made: is there a network? " + result.text());
  return {};
}

void build_example(const StackRoot& stack, const std::string& folder, const std::string& example) {
  std::printf("building %s ...\n", example.c_str());
  std::fflush(stdout);
  CommandOptions options;
  options.timeout = std::chrono::minutes(15);
  options.directory = example_folder(example);
  CommandResult result = stack.run({"build"}, options);
  const std::string log = folder + "/failed-" + example;
  if (result.code == 0) {
    ::unlink(log.c_str());
  } else {
    std::printf("%s\n", result.text().c_str());
    (void)write_file(log, result.text());
  }
}

}  // namespace

std::string image_cache_folder() {
  const char* given = std::getenv("STACK_TEST_IMAGE_CACHE");
  return given != nullptr && *given != '\0' ? given : STACK_IMAGE_CACHE;
}

std::string failed_build_log(const std::string& example) {
  return read_file(image_cache_folder() + "/failed-" + example).value_or("");
}

Result<> prepare_images() {
  const std::string folder = image_cache_folder();
  TRY(ensure_directory(folder));
  TRY_ASSIGN(FileLock lock, FileLock::acquire(folder + "/lock"));
  const std::string key = cache_key();
  bool complete = read_file(folder + "/key").value_or("") == key;
  for (const char* example : kExamples) complete = complete && failed_build_log(example).empty();
  if (complete) return {};
  TRY_ASSIGN(TemporaryDirectory run, TemporaryDirectory::create("/tmp/stack-e2e-"));
  StackRoot stack(folder + "/root", run.path());
  Result<> made = bootstrap(stack);
  if (made)
    for (const char* example : kExamples) build_example(stack, folder, example);
  stack.shut_down();
  TRY(std::move(made));
  return write_file_atomic(folder + "/key", key);
}

Result<> install_images(const std::string& root) {
  TRY(ensure_directory(root));
  const std::string source = image_cache_folder() + "/root/images";
  struct stat here{};
  struct stat there{};
  bool same_disk =
      ::stat(root.c_str(), &here) == 0 && ::stat(source.c_str(), &there) == 0 && here.st_dev == there.st_dev;
  CommandResult linked = run_command({"cp", same_disk ? "-al" : "-a", source, root + "/images"});
  if (linked.code != 0) return Error("cannot copy the image cache: " + linked.err);
  if (!same_disk) return {};
  // Files that are written in place must not be shared: everything except blobs and layers.
  for (const fs::directory_entry& entry : fs::directory_iterator(root + "/images")) {
    if (!entry.is_regular_file()) continue;
    run_command(
        {"cp", "-a", "--remove-destination", source + "/" + entry.path().filename().string(), entry.path()});
  }
  return {};
}

}  // namespace stack::e2e

// A separate store below /tmp, and a small root file system with the host's shell and tools.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "chroot_driver.h"
#include "images/archive/image_archive.h"
#include "images/builder/solver/builder.h"
#include "images/layer/layer_view.h"
#include "images/store/store.h"

namespace stack::builder {

inline void copy_program(const std::string& program, const std::string& root) {
  SpawnRequest request;
  request.program = "/bin/sh";
  request.args = {"-c", "p=$(command -v " + program +
                            ") && for f in \"$p\" $(ldd \"$p\" | grep -o '/[^ ]*'); do mkdir -p \"" + root +
                            "$(dirname $f)\" && cp -L \"$f\" \"" + root + "$f\"; done"};
  Result<CapturedRun> run = run_captured(std::move(request));
  ASSERT_TRUE(run && run->exit_code == 0) << program << ": " << run->output;
}

// Created once: links bin -> usr/bin like in Debian, the host's shell, and a few tools with their libraries.
inline const std::string& base_root() {
  static TemporaryDirectory top = *TemporaryDirectory::create("/tmp/stack-images-root");
  static std::string dir;
  if (!dir.empty()) return dir;
  dir = top.path();
  for (const char* name :
       {"/usr/bin", "/usr/lib", "/usr/lib64", "/etc", "/tmp", "/proc", "/dev", "/sys", "/run", "/root"})
    EXPECT_TRUE(ensure_directory(dir + name));
  EXPECT_EQ(::chmod(dir.c_str(), 0755), 0);
  EXPECT_EQ(::chmod((dir + "/tmp").c_str(), 01777), 0);
  for (const char* name : {"bin", "lib", "lib64"})
    EXPECT_EQ(::symlink((std::string("usr/") + name).c_str(), (dir + "/" + name).c_str()), 0);
  for (const char* program :
       {"sh", "cat", "mkdir", "rm", "ls", "env", "id", "chmod", "touch", "stat", "rmdir", "sleep"})
    copy_program(program, dir);
  EXPECT_TRUE(
      write_file(dir + "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n"));
  EXPECT_TRUE(write_file(dir + "/etc/group", "root:x:0:\nstaff:x:50:\n"));
  return dir;
}

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: owners, devices and mounts";
    open();
  }
  void open() {
    store.reset();
    Result<std::unique_ptr<images::ImageStore>> opened = images::ImageStore::open(root);
    ASSERT_TRUE(opened) << opened.error().text();
    store = std::move(*opened);
  }
  Reference ref(const std::string& name) { return *parse_reference(name); }

  TemporaryDirectory top = *TemporaryDirectory::create("/tmp/stack-images-test");
  std::string root = top.path() + "/images";
  std::unique_ptr<images::ImageStore> store;
};

class BuildTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_TRUE(ensure_directory(context));
    make_builder();
  }
  void TearDown() override {
    builder.reset();
    store.reset();
  }
  void make_builder() {
    builder.reset();
    BuilderOptions options;
    options.secret_directory = top.path() + "/secrets";
    Result<std::unique_ptr<Builder>> made = Builder::create(*store, driver, options);
    ASSERT_TRUE(made) << made.error().text();
    builder = std::move(*made);
  }

  // An image "base" with a shell.
  void import_base() {
    images::ImageConfig config;
    config.env = {"PATH=/usr/bin:/bin", "FROM_BASE=yes"};
    config.cmd = {"sh"};
    Result<images::Image> image = images::import_path(*store, base_root(), {config, "test"}, {ref("base")});
    ASSERT_TRUE(image) << image.error().text();
  }

  void file(const std::string& name, const std::string& content, mode_t mode = 0644) {
    ASSERT_TRUE(ensure_directory(directory_name(context + "/" + name)));
    ASSERT_TRUE(write_file(context + "/" + name, content, mode));
    ASSERT_EQ(::chmod((context + "/" + name).c_str(), mode), 0);
  }

  Result<BuildResult> try_build(const std::string& dockerfile,
                                const std::function<void(BuildRequest&)>& change = {}) {
    BuildRequest request;
    request.context_directory = context;
    request.dockerfile_inline = dockerfile;
    if (change) change(request);
    events.clear();
    output.clear();
    return builder->build(
        request,
        [this](const BuildEvent& event) {
          events.push_back(event);
          if (event.kind == BuildEventKind::StepOutput) output += event.text;
        },
        stop.get_token());
  }

  images::Image build(const std::string& dockerfile, const std::function<void(BuildRequest&)>& change = {}) {
    Result<BuildResult> result = try_build(dockerfile, change);
    EXPECT_TRUE(result) << result.error().text();
    if (!result) return {};
    last = *result;
    return *store->resolve(result->image_id);
  }

  std::string build_error(const std::string& dockerfile,
                          const std::function<void(BuildRequest&)>& change = {}) {
    Result<BuildResult> result = try_build(dockerfile, change);
    return result ? "no error" : result.error().text();
  }

  // Content of a file in an image; "(missing)" if it does not exist.
  static std::string content(const images::Image& image, const std::string& path) {
    Result<images::LayerView> view = images::LayerView::open(image.layer_dirs);
    Result<std::optional<std::string>> text = view->read_file(path);
    return text && *text ? **text : "(missing)";
  }
  static std::optional<images::ViewEntry> entry(const images::Image& image, const std::string& path) {
    Result<images::LayerView> view = images::LayerView::open(image.layer_dirs);
    return *view->find(path, false);
  }
  static std::string names(const images::Image& image, const std::string& path) {
    Result<images::LayerView> view = images::LayerView::open(image.layer_dirs);
    Result<std::vector<images::ViewEntry>> entries = view->list(path);
    std::string out;
    for (const images::ViewEntry& item : *entries) out += (out.empty() ? "" : " ") + base_name(item.path);
    return out;
  }
  int cached_steps() const {
    int count = 0;
    for (const BuildEvent& event : events) count += event.kind == BuildEventKind::StepCached ? 1 : 0;
    return count;
  }
  std::string warnings() const {
    std::string out;
    for (const BuildEvent& event : events)
      if (event.kind == BuildEventKind::Warning) out += event.text + "\n";
    return out;
  }

  std::string context = top.path() + "/context";
  ChrootDriver driver;
  std::unique_ptr<Builder> builder;
  std::stop_source stop;
  std::vector<BuildEvent> events;
  std::string output;
  BuildResult last;
};

}  // namespace stack::builder

#include "chroot_driver.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "images/layer/layer_view.h"

namespace stack::builder {

namespace {

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

bool bind_mount(const std::string& source, const std::string& target, bool read_only) {
  struct stat info{};
  if (::stat(source.c_str(), &info) != 0) return false;
  if (S_ISDIR(info.st_mode)) {
    if (!ensure_directory(target)) return false;
  } else {
    if (!ensure_directory(directory_name(target))) return false;
    if (!path_exists(target) && !write_file(target, "")) return false;
  }
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) return false;
  return !read_only ||
         ::mount(nullptr, target.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0;
}

[[noreturn]] void child(const RunStep& step, const std::string& root, images::Owner owner) {
  auto fail = [](const char* what) {
    dprintf(2, "test driver: %s: %s\n", what, strerror(errno));
    _exit(125);
  };
  if (::setsid() < 0 || ::unshare(CLONE_NEWNS) != 0) fail("unshare");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) fail("private");
  std::string options = "index=off,redirect_dir=off,metacopy=off,lowerdir=" + join(step.lower_dirs, ":") +
                        ",upperdir=" + step.upper_dir + ",workdir=" + step.work_dir;
  if (::mount("overlay", root.c_str(), "overlay", 0, options.c_str()) != 0) fail("overlay");
  if (!bind_mount("/dev", root + "/dev", false) || !bind_mount("/proc", root + "/proc", false)) fail("dev");
  if (!bind_mount("/etc/resolv.conf", root + "/etc/resolv.conf", true) ||
      !bind_mount("/etc/hosts", root + "/etc/hosts", true))
    fail("etc");
  for (const RunBind& item : step.binds)
    if (!bind_mount(item.source, root + item.target, item.read_only)) fail("bind");
  for (const RunTmpfs& item : step.tmpfs) {
    if (!ensure_directory(root + item.target)) fail("tmpfs");
    if (::mount("tmpfs", (root + item.target).c_str(), "tmpfs", 0, nullptr) != 0) fail("tmpfs");
  }
  if (::chroot(root.c_str()) != 0 || ::chdir(step.cwd.c_str()) != 0) fail("chroot");
  if (::setgroups(0, nullptr) != 0 || ::setgid(owner.gid) != 0 || ::setuid(owner.uid) != 0) fail("user");
  std::vector<char*> argv = pointers(step.args);
  std::vector<char*> env = pointers(step.env);
  for (const std::string& entry : step.env)
    if (entry.starts_with("PATH=")) ::setenv("PATH", entry.c_str() + 5, 1);
  ::execvpe(argv[0], argv.data(), env.data());
  fail(argv[0]);
  _exit(127);
}

}  // namespace

Result<int> ChrootDriver::run(const RunStep& step, const RunOutput& output, std::stop_token stop) {
  ++runs;
  last = step;
  TRY_ASSIGN(TemporaryDirectory root, TemporaryDirectory::create("/tmp/stack-test-root"));
  images::Owner owner;
  if (!step.user.empty()) {
    TRY_ASSIGN(images::LayerView view, images::LayerView::open(step.lower_dirs));
    TRY_ASSIGN(owner, images::find_owner(view, step.user));
  }
  TRY_ASSIGN(Pipe pipe, make_pipe());
  pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(pipe.write.get(), 1);
    ::dup2(pipe.write.get(), 2);
    child(step, root.path(), owner);
  }
  pipe.write.reset();
  char buffer[4096];
  bool stopped = false;
  for (;;) {
    if (stop.stop_requested() && !stopped) {
      stopped = true;
      ::kill(-pid, SIGKILL);
      ::kill(pid, SIGKILL);
    }
    pollfd ready{pipe.read.get(), POLLIN, 0};
    if (::poll(&ready, 1, 50) == 0) continue;
    ssize_t n = ::read(pipe.read.get(), buffer, sizeof buffer);
    if (n <= 0) break;
    output(std::string_view(buffer, static_cast<size_t>(n)), false);
  }
  TRY_ASSIGN(int status, wait_for(pid));
  if (stopped) return Error(ErrorKind::Canceled, "canceled");
  return exit_code_of(status);
}

}  // namespace stack::builder

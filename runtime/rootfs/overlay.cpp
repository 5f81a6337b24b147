#include "runtime/rootfs/overlay.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <set>
#include <string_view>

#include "base/text.h"
#include "runtime/container/kernel_version.h"

namespace stack::runtime {

namespace {

Error context_error(int fs, const std::string& what, int err) {
  Error error = Error::from_errno("overlay: " + what, err);
  std::string log = mount_context_log(fs);
  if (log.empty()) return error;
  return Error(error.kind(), error.text() + " (" + log + ")");
}

Result<> set_string(int fs, const char* key, const std::string& value) {
  if (::fsconfig(fs, FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0) return {};
  return context_error(fs, std::string(key) + "=" + value, errno);
}

// Removes the mark of an earlier volatile mount, which prevents the next one; the upper directory is used unchanged.
void forget_volatile_mark(const std::string& work_dir) {
  ::unlink((work_dir + "/work/incompat/volatile/dirty").c_str());
  ::rmdir((work_dir + "/work/incompat/volatile").c_str());
  ::rmdir((work_dir + "/work/incompat").c_str());
}

Result<> set_upper(int fs, const OverlayLayers& layers) {
  if (layers.upper_dir.empty()) return {};
  TRY(set_string(fs, "upperdir", layers.upper_dir));
  TRY(set_string(fs, "workdir", layers.work_dir));
  if (layers.volatile_upper) {
    forget_volatile_mark(layers.work_dir);
    // Kernels before 5.10 do not support it; the mount is then only slower.
    (void)::fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", nullptr, 0);
  }
  return {};
}

Result<Fd> finish(const Fd& fs) {
  if (::fsconfig(fs.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return context_error(fs.get(), "create", errno);
  Fd mount(::fsmount(fs.get(), FSMOUNT_CLOEXEC, 0));
  if (!mount) return context_error(fs.get(), "fsmount", errno);
  return mount;
}

// Overlayfs refuses a directory that is listed twice, but an image can contain one layer several times. The lower copy adds
// nothing: all of its entries are in the upper copy too, which decides.
std::vector<std::string> without_repetitions(const std::vector<std::string>& lower_dirs) {
  std::vector<std::string> kept;
  std::set<std::string_view> seen;
  for (const std::string& lower : lower_dirs)
    if (seen.insert(lower).second) kept.push_back(lower);
  return kept;
}

Result<Fd> open_context() {
  Fd fs(::fsopen("overlay", FSOPEN_CLOEXEC));
  if (!fs) return Error::last_errno("overlay: fsopen");
  return fs;
}

}  // namespace

std::string mount_context_log(int fs_fd) {
  std::array<char, 512> line;
  std::string out;
  for (int n = 0; n < 16; ++n) {
    ssize_t size = ::read(fs_fd, line.data(), line.size());
    if (size <= 0) break;
    if (!out.empty()) out += "; ";
    out += trim(std::string_view(line.data(), static_cast<size_t>(size)));
  }
  return out;
}

Result<Fd> mount_overlay_detached(const OverlayLayers& layers) {
  // Older kernels reject the option late with a plain EINVAL, so probing would hide real errors.
  if (running_kernel() < KernelVersion{6, 8})
    return unsupported("overlay: this kernel does not support lowerdir+");
  TRY_ASSIGN(Fd fs, open_context());
  for (const std::string& lower : without_repetitions(layers.lower_dirs)) {
    if (::fsconfig(fs.get(), FSCONFIG_SET_STRING, "lowerdir+", lower.c_str(), 0) != 0)
      return context_error(fs.get(), "layer " + lower, errno);
  }
  TRY(set_upper(fs.get(), layers));
  return finish(fs);
}

Result<Fd> mount_overlay_short_paths(const OverlayLayers& layers) {
  if (::unshare(CLONE_FS) != 0) return Error::last_errno("unshare working directory");
  std::vector<Fd> opened;
  std::string lowers;
  for (const std::string& lower : without_repetitions(layers.lower_dirs)) {
    Fd& fd = opened.emplace_back(::open(lower.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return Error::last_errno("overlay: open layer " + lower);
    if (!lowers.empty()) lowers += ':';
    lowers += std::to_string(fd.get());
  }
  if (lowers.size() > 255)
    return unsupported("overlay: " + std::to_string(opened.size()) + " layers are too many for this kernel");
  if (::chdir("/proc/thread-self/fd") != 0) return Error::last_errno("chdir /proc/thread-self/fd");
  TRY_ASSIGN(Fd fs, open_context());
  TRY(set_string(fs.get(), "lowerdir", lowers));
  TRY(set_upper(fs.get(), layers));
  return finish(fs);
}

}  // namespace stack::runtime

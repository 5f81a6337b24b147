#include "volumes/loop_device.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include "base/files.h"

namespace stack::volumes {

namespace {

constexpr int kAttempts = 32;  // another process may take the free device first

}  // namespace

Result<LoopDevice> attach_loop_device(const std::string& file, bool read_only) {
  int access = read_only ? O_RDONLY : O_RDWR;
  TRY_ASSIGN(Fd backing, open_file(file, access));
  TRY_ASSIGN(Fd control, open_file("/dev/loop-control", O_RDWR));
  for (int i = 0; i < kAttempts; ++i) {
    int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return Error::last_errno("no free loop device");
    LoopDevice device;
    device.path = "/dev/loop" + std::to_string(number);
    TRY_ASSIGN(device.fd, open_file(device.path, access));
    loop_config config{};
    config.fd = static_cast<uint32_t>(backing.get());
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    if (read_only) config.info.lo_flags |= LO_FLAGS_READ_ONLY;
    if (::ioctl(device.fd.get(), LOOP_CONFIGURE, &config) == 0) return device;
    if (errno != EBUSY) return Error::last_errno("attach " + file + " to " + device.path);
  }
  return Error("no free loop device");
}

}  // namespace stack::volumes

// The container's pty: created on its own devpts; the master is sent to the launcher, the other end is bind-mounted on
// /dev/console.
#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/container/mount_calls.h"
#include "runtime/container/pty.h"
#include "runtime/container/report.h"
#include "runtime/container/setup.h"
#include "runtime/rootfs/rootfs_view.h"

namespace stack::runtime {

Result<Pty> open_pty(int pts_directory, uint16_t height, uint16_t width) {
  struct statfs info{};
  if (::fstatfs(pts_directory, &info) != 0) return Error::last_errno("statfs /dev/pts");
  if (info.f_type != DEVPTS_SUPER_MAGIC) return invalid("/dev/pts is not a devpts");
  Pty pty;
  pty.master = Fd(::openat(pts_directory, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC));
  if (!pty.master) return Error::last_errno("open /dev/pts/ptmx");
  int locked = 0;
  if (::ioctl(pty.master.get(), TIOCSPTLCK, &locked) != 0) return Error::last_errno("unlock pty");
  // Uses a descriptor instead of the name /dev/pts/N, which could be swapped.
  pty.peer = Fd(::ioctl(pty.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!pty.peer) return Error::last_errno("open pty");
  if (height != 0 || width != 0) {
    winsize size{};
    size.ws_row = height;
    size.ws_col = width;
    if (::ioctl(pty.peer.get(), TIOCSWINSZ, &size) != 0) return Error::last_errno("set console size");
  }
  return pty;
}

Result<> set_up_terminal(Setup& setup) {
  const std::optional<ProcessSpec>& process = setup.plan.spec.process;
  if (!process || !process->terminal) return {};
  setup.object = "/dev/pts";
  TRY_ASSIGN(Fd pts, open_in_root(setup.root.get(), "/dev/pts", O_PATH | O_DIRECTORY));
  TRY_ASSIGN(Pty pty, open_pty(pts.get(), process->console_height, process->console_width));
  setup.object = "/dev/console";
  Fd console(::openat(setup.dev.get(), "console",
                      O_CREAT | O_NOFOLLOW | O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0620));
  if (!console) return Error::last_errno("create /dev/console");
  TRY_ASSIGN(Fd bound, clone_mount(pty.peer.get(), false));
  TRY(attach_mount(bound.get(), console.get()));
  TRY(send_report(setup.sync, ReportKind::Terminal, {}, pty.master.get()));
  setup.terminal_peer = std::move(pty.peer);
  return {};
}

}  // namespace stack::runtime

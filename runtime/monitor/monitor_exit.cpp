// MonitorLoop: the end of the process.
#include "runtime/monitor/clock.h"
#include "runtime/monitor/monitor.h"
#include "runtime/monitor/text.h"

namespace stack::runtime {

namespace {

constexpr int kPidfdType = 3;                     // P_PIDFD
constexpr int kExitedOption = 4;                  // WEXITED
constexpr int kExitedCode = 1;                    // CLD_EXITED

// ioctl(PIDFD_GET_INFO), Linux 6.13; the exit code since 6.15. include/uapi/linux/pidfd.h
struct PidfdInfo {
  uint64_t mask;
  uint64_t cgroup;
  uint32_t ids[11];
  int32_t exit_code;
};
constexpr uint64_t kPidfdInfoExit = 8;
constexpr unsigned long kGetPidfdInfo = 0xc0000000UL | sizeof(PidfdInfo) << 16 | 0xff << 8 | 11;

struct WaitInfo {  // siginfo_t of waitid(2)
  int signal, error, code;
  int padding;
  int pid, uid, status;
  char rest[100];
};

}  // namespace

// The wait status of a process that is not our child; -1 if unknown. It is in /proc/<pid>/stat until the new parent reaps
// the process, then in the pidfd (Linux 6.15).
int MonitorLoop::read_foreign_status() {
  for (int round = 0; round < 200; ++round) {
    PidfdInfo info = {};
    info.mask = kPidfdInfoExit;
    if (sys::ioctl(state_.pidfd, kGetPidfdInfo, &info) == 0 && (info.mask & kPidfdInfoExit) != 0)
      return info.exit_code;
    char text[1024];
    long n = stat_file_ < 0 ? -1 : sys::pread(stat_file_, text, sizeof(text) - 1, 0);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' ')) --n;
    long end = n;
    while (n > 0 && text[n - 1] >= '0' && text[n - 1] <= '9') --n;
    if (n > 0 && n < end) {
      int status = 0;
      for (; n < end; ++n) status = status * 10 + (text[n] - '0');
      return status;
    }
    sys::TimeSpec moment = {0, 5000000};
    sys::poll(nullptr, 0, &moment);
  }
  return -1;
}

// Opens the file while the pidfd shows that the process is alive, so that it belongs to this process.
void MonitorLoop::open_stat_file() {
  char path[64];
  TextWriter out(path, sizeof(path));
  out.add("/proc/").number(state_.pid).add("/stat").done();
  long fd = sys::openat(sys::kAtFdcwd, path, sys::kCloexec, 0);
  if (fd < 0) return;
  sys::PollFd poll = {state_.pidfd, sys::kPollIn, 0};
  sys::TimeSpec none = {0, 0};
  if (sys::poll(&poll, 1, &none) == 0) {
    stat_file_ = static_cast<int>(fd);
  } else {
    sys::close(static_cast<int>(fd));
  }
}

void MonitorLoop::read_exit_status() {
  status_ = wire::ExitStatus();
  sys::TimeSpec now = {0, 0};
  sys::clock(kRealtime, &now);
  status_.finished_at_ns = now.seconds * 1000000000 + now.nanoseconds;
  if ((state_.flags & wire::kWatchAdopted) != 0) {
    int raw = read_foreign_status();
    status_.status_known = raw >= 0 ? 1 : 0;
    status_.signal = raw >= 0 ? raw & 0x7f : 0;
    status_.exit_code = raw < 0 ? 255 : status_.signal != 0 ? 128 + status_.signal : raw >> 8 & 0xff;
    return;
  }
  WaitInfo info = {};
  long result = sys::call(__NR_waitid, kPidfdType, state_.pidfd, sys::pointer(&info), kExitedOption, 0);
  status_.status_known = result == 0 ? 1 : 0;
  if (result != 0) {
    status_.exit_code = 255;
  } else if (info.code == kExitedCode) {
    status_.exit_code = info.status;
  } else {
    status_.signal = info.status;
    status_.exit_code = 128 + info.status;
  }
}

uint64_t MonitorLoop::count_oom_kills() {
  if (state_.oom_file < 0) return 0;
  char text[1024];
  long n = sys::pread(state_.oom_file, text, sizeof(text) - 1, 0);
  if (n <= 0) return 0;
  text[n] = '\0';
  constexpr char kKey[] = "oom_kill ";
  for (char* at = text; *at != '\0'; ++at) {
    if (at != text && at[-1] != '\n') continue;
    size_t i = 0;
    while (kKey[i] != '\0' && at[i] == kKey[i]) ++i;
    if (kKey[i] != '\0') continue;
    uint64_t count = 0;
    for (at += i; *at >= '0' && *at <= '9'; ++at) count = count * 10 + static_cast<uint64_t>(*at - '0');
    return count;
  }
  return 0;
}

void MonitorLoop::note_oom() {
  char event[8];
  if (state_.oom_event >= 0) sys::read(state_.oom_event, event, sizeof(event));
  uint64_t count = count_oom_kills();
  if (count > oom_seen_) report(kOom);
  if (count > oom_seen_) oom_seen_ = count;
}

void MonitorLoop::note_exit() {
  exited_ = true;
  read_exit_status();
  if (is_session()) {
    draining_ = outlives_engine();
    if (draining_) close_fd(terminal_peer_);
    write_exit_file(state_.control < 0);
    if (!draining_) report(kExit);
    return;
  }
  drain_output();
  note_oom();
  status_.oom_killed = oom_seen_ > state_.oom_kills_before ? 1 : 0;
  status_.log_dropped = log_.dropped_bytes();
  close_input();
  write_exit_file(state_.control < 0);
  readers_.close_all();
  report(kExit);
}

void MonitorLoop::write_exit_file(bool durable) {
  if (state_.state_dir < 0) return;
  char text[256];
  TextWriter out(text, sizeof(text));
  out.add("{\"exit_code\":").number(status_.exit_code).add(",\"signal\":").number(status_.signal);
  out.add(",\"oom_killed\":").add(status_.oom_killed != 0 ? "true" : "false");
  out.add(",\"status_known\":").add(status_.status_known != 0 ? "true" : "false");
  out.add(",\"finished_at_ns\":").number(status_.finished_at_ns).add("}\n");
  long fd = sys::openat(state_.state_dir, "exit.json.new",
                        sys::kWriteOnly | sys::kCreate | sys::kTruncate | sys::kCloexec, 0600);
  if (fd < 0) return;
  bool whole = sys::write(static_cast<int>(fd), text, out.used()) == static_cast<long>(out.used());
  if (durable) sys::fsync(static_cast<int>(fd));
  sys::close(static_cast<int>(fd));
  if (whole) sys::renameat(state_.state_dir, "exit.json.new", "exit.json");
}

}  // namespace stack::runtime

// stack-runtime: an OCI runtime that can replace crun or runc.
#include <fcntl.h>
#include <linux/close_range.h>
#include <malloc.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <iterator>

#include "base/files.h"
#include "base/standard_streams.h"
#include "base/text.h"
#include "runtime/oci/bundle.h"
#include "runtime/oci/command.h"
#include "runtime/oci/kept_fds.h"
#include "runtime/oci/log.h"
#include "runtime/oci/output.h"
#include "runtime/oci/self.h"

extern char** environ;

namespace stack::runtime::oci {

namespace {

constexpr const Command* kCommands[] = {&kCreate, &kDelete, &kExec, &kFeatures, &kKill,  &kList,  &kPause,
                                        &kPs,     &kResume, &kRun,  &kSpec,     &kStart, &kState, &kUpdate};

constexpr Flag kGlobalFlags[] = {
    {"root", 0, FlagKind::Text, "DIR", "state directory (default: /run/stack-runtime)"},
    {"log", 0, FlagKind::Text, "FILE", "also write messages to a file"},
    {"log-format", 0, FlagKind::Text, "FORMAT", "text (default) or json"},
    {"cgroup-manager", 0, FlagKind::Text, "NAME", "cgroupfs (default), systemd, or disabled"},
    {"systemd-cgroup", 0, FlagKind::Switch, "", "same as --cgroup-manager systemd"},
    {"rootless", 0, FlagKind::Text, "auto|false", "ignored; unprivileged users are not supported"},
    {"criu", 0, FlagKind::Text, "PATH", "ignored; checkpoints are not supported"},
    {"debug", 0, FlagKind::Switch, "", "print more details"},
    {"help", 'h', FlagKind::Switch, "", "show help"},
    {"version", 'v', FlagKind::Switch, "", "show the version"},
};
constexpr Flag kHelpFlag[] = {{"help", 'h', FlagKind::Switch, "", "show help"}};

const Command* find_command(std::string_view name) {
  for (const Command* command : kCommands) {
    if (command->name == name) return command;
  }
  return nullptr;
}

std::string help_text() {
  std::string out = "usage: stack-runtime [flags] COMMAND [flags] ...\n\ncommands:\n";
  for (const Command* command : kCommands) {
    std::string left = "  " + std::string(command->name);
    left.resize(14, ' ');
    out += left + std::string(command->help) + "\n";
  }
  return out + "\nflags:\n" + describe_flags(kGlobalFlags);
}

std::string help_text(const Command& command) {
  std::string out = "usage: stack-runtime " + std::string(command.name) + " " +
                    std::string(command.synopsis) + "\n\n" + std::string(command.help) + "\n";
  return command.flags.empty() ? out : out + "\nflags:\n" + describe_flags(command.flags);
}

Result<CgroupManager> read_manager(const Arguments& arguments) {
  std::string name = arguments.text("cgroup-manager", "cgroupfs");
  if (arguments.is_set("systemd-cgroup")) name = "systemd";
  if (name == "cgroupfs") return CgroupManager::Files;
  if (name == "disabled") return CgroupManager::Disabled;
  if (name == "systemd") return CgroupManager::Systemd;
  return invalid("--cgroup-manager must be cgroupfs, systemd, or disabled, not \"" + name + "\"");
}

Result<GlobalOptions> read_global(const Arguments& arguments) {
  GlobalOptions out;
  out.log_path = arguments.text("log");
  std::string format = arguments.text("log-format", "text");
  if (format != "text" && format != "json")
    return invalid("--log-format must be text or json, not \"" + format + "\"");
  out.log_json = format == "json";
  out.debug = arguments.is_set("debug");
  // Opened first, so that the log contains the reason for a rejection.
  TRY(open_log(out));
  out.root = arguments.text("root", out.root);
  if (!out.root.starts_with('/')) {
    std::array<char, PATH_MAX> here{};
    if (::getcwd(here.data(), here.size()) == nullptr) return Error::last_errno("--root");
    out.root = absolute_path(here.data(), out.root);
  }
  TRY_ASSIGN(out.cgroup_manager, read_manager(arguments));
  return out;
}

Result<> check_word_count(const Command& command, const Arguments& arguments) {
  size_t count = arguments.words().size();
  if (count >= command.least_words && count <= command.most_words) return {};
  return invalid("usage: stack-runtime " + std::string(command.name) + " " + std::string(command.synopsis));
}

bool standard_streams_open() {
  std::array<pollfd, 3> polls{{{0, 0, 0}, {1, 0, 0}, {2, 0, 0}}};
  if (::poll(polls.data(), polls.size(), 0) < 0) return false;
  return std::none_of(polls.begin(), polls.end(),
                      [](const pollfd& poll) { return (poll.revents & POLLNVAL) != 0; });
}

void open_standard_streams() {
  while (::fcntl(2, F_GETFD) < 0) {
    if (::open("/dev/null", O_RDWR) < 0) break;
  }
  if (::fcntl(0, F_GETFD) < 0) (void)!::open("/dev/null", O_RDWR);
  if (::fcntl(1, F_GETFD) < 0) (void)!::open("/dev/null", O_RDWR);
}

// Opens 0, 1, 2 if necessary, and marks other inherited descriptors close-on-exec unless they must be kept.
void settle_descriptors() {
  if (!standard_streams_open()) open_standard_streams();
  note_inherited_fds();
  (void)::syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
}

Result<int> run_command(const Command& command, const GlobalOptions& global,
                        std::span<const std::string> words) {
  std::vector<Flag> flags(command.flags.begin(), command.flags.end());
  flags.push_back(kHelpFlag[0]);
  TRY_ASSIGN(Arguments arguments, parse_arguments(flags, words, command.order));
  if (arguments.is_set("help")) {
    TRY(print(help_text(command)));
    return 0;
  }
  TRY(check_word_count(command, arguments));
  return command.run(global, arguments);
}

Result<int> run(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  TRY_ASSIGN(Arguments globals, parse_arguments(kGlobalFlags, words, FlagOrder::First));
  if (globals.is_set("version")) {
    TRY(print("stack-runtime version " STACK_VERSION "\nspec: 1.3.0\n+SECCOMP +CAP\n"));
    return 0;
  }
  if (globals.is_set("help") || globals.words().empty()) {
    TRY(print(help_text()));
    return globals.is_set("help") ? 0 : 1;
  }
  TRY_ASSIGN(GlobalOptions global, read_global(globals));
  const Command* command = find_command(globals.words().front());
  if (command == nullptr) return invalid("unknown command \"" + globals.words().front() + "\"");
  return run_command(*command, global, std::span(globals.words()).subspan(1));
}

bool enters_container(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const Command* command = find_command(argv[i]);
    if (command != nullptr) return command->enters_container;
  }
  return false;
}

int exit_code_of(const Error& error) {
  if (error.kind() == ErrorKind::NoCommand) return 127;
  return error.kind() == ErrorKind::NotExecutable ? 126 : 1;
}

Result<int> run_guarded(int argc, char** argv) {
  // The JSON library throws if a configuration contains an unexpected type.
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    return invalid(error.what());
  }
}

}  // namespace

}  // namespace stack::runtime::oci

int main(int argc, char** argv) {
  stack::open_standard_streams();
  using namespace stack;
  using namespace stack::runtime::oci;
  if (enters_container(argc, argv)) {
    Result<> protected_copy = run_from_protected_copy(argv, environ);
    if (!protected_copy) {
      log(Level::Error, protected_copy.error().text());
      return 1;
    }
  }
  // Allocates memory in large steps, because the process is short-lived.
  ::mallopt(M_TOP_PAD, 1 << 20);
  settle_descriptors();
  Result<int> code = run_guarded(argc, argv);
  if (code) return *code;
  log(Level::Error, code.error().text());
  return exit_code_of(code.error());
}

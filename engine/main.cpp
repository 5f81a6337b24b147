// stackd: the engine's process, started by the command line, a monitor, or systemd.
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "base/build_info.h"
#include "base/descriptor_limit.h"
#include "base/log.h"
#include "base/standard_streams.h"
#include "base/text.h"
#include "engine/engine.h"

namespace {

void usage() {
  std::fputs(
      "usage: stackd [--root DIR] [--run-root DIR] [--ready-fd N] [--idle-exit SECONDS|never] [--log-level "
      "debug|info|warning|error] [--config FILE]\n"
      "              [--tcp ADDRESS:PORT --tls-ca FILE --tls-cert FILE --tls-key FILE]\n"
      "       stackd [--config FILE] --show-config\n"
      "The engine of stack. The stack command starts it on demand.\n",
      stdout);
}

// The member that the flag sets.
std::string* tls_setting(stack::engine::TlsSettings& tls, const std::string& flag) {
  if (flag == "--tcp") return &tls.address;
  if (flag == "--tls-ca") return &tls.authority;
  if (flag == "--tls-cert") return &tls.certificate;
  return flag == "--tls-key" ? &tls.key : nullptr;
}

struct Place {
  std::string root;
  std::string run_root;
  std::string settings;
  bool show_settings = false;
};

bool parse(int argc, char** argv, Place& place, stack::engine::EngineOptions& options,
           stack::LogLevel& level) {
  for (int i = 1; i < argc; ++i) {
    std::string flag = argv[i];
    auto value = [&]() -> std::string { return i + 1 < argc ? argv[++i] : ""; };
    if (flag == "--root") {
      place.root = value();
    } else if (flag == "--run-root") {
      place.run_root = value();
    } else if (flag == "--config") {
      place.settings = value();
    } else if (flag == "--show-config") {
      place.show_settings = true;
    } else if (flag == "--ready-fd") {
      std::string text = value();
      if (!stack::is_all_digits(text) || text.size() > 5) return false;
      options.ready = stack::Fd(std::stoi(text));
      (void)stack::set_cloexec(options.ready.get(), true);
    } else if (flag == "--idle-exit") {
      std::string text = value();
      if (text != "never" && (!stack::is_all_digits(text) || text.size() > 8)) return false;
      options.idle_exit = std::chrono::seconds(text == "never" ? -1 : std::stol(text));
    } else if (flag == "--log-level") {
      std::string text = value();
      level = text == "debug"     ? stack::LogLevel::Debug
              : text == "warning" ? stack::LogLevel::Warning
              : text == "error"   ? stack::LogLevel::Error
                                  : stack::LogLevel::Info;
    } else if (std::string* setting = tls_setting(options.tls, flag)) {
      *setting = value();
    } else {
      return false;
    }
  }
  return !place.root.empty() && !place.run_root.empty() && !place.settings.empty();
}

std::string environment_or(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

int show_settings(const stack::Result<stack::engine::Settings>& settings) {
  if (!settings) {
    std::fprintf(stderr, "%s\n", settings.error().text().c_str());
    return 1;
  }
  std::string origin = settings->file.empty()
                           ? "defaults; " + stack::engine::settings_path() + " does not exist"
                           : "from " + settings->file;
  std::printf("# %s\n%s", origin.c_str(), stack::engine::settings_yaml(*settings).c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  stack::open_standard_streams();
  if (argc == 2 && (std::strcmp(argv[1], "--help") == 0 || std::strcmp(argv[1], "-h") == 0)) {
    usage();
    return 0;
  }
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    std::printf("stackd %s\n", stack::build_text().c_str());
    return 0;
  }
  Place place{environment_or("STACK_ROOT", "/var/lib/stack"), environment_or("STACK_RUN_ROOT", "/run/stack"),
              stack::engine::settings_path()};
  stack::engine::EngineOptions options;
  stack::LogLevel level = stack::LogLevel::Info;
  if (!parse(argc, argv, place, options, level)) {
    usage();
    return 2;
  }
  if (stack::Result<> usable = stack::engine::check_tls_settings(options.tls); !usable) {
    std::fprintf(stderr, "stackd: %s\n", usable.error().text().c_str());
    return 2;
  }
  stack::Result<stack::engine::Settings> settings = stack::engine::read_settings(place.settings);
  if (place.show_settings) return show_settings(settings);
  stack::open_log("", level);
  if (::geteuid() != 0) {
    stack::log_error("stackd must be run as root");
    return 1;
  }
  // Containers whose monitor is killed become our children, so that we can observe their exit.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::umask(022);
  if (stack::Result<> raised = stack::raise_descriptor_limit(); !raised)
    stack::log_warning(raised.error().text());
  options.paths = stack::engine::make_paths(place.root, place.run_root);
  if (!settings) {
    stack::log_error("settings: " + settings.error().text());
    return 1;
  }
  options.settings = std::move(*settings);
  stack::Result<> outcome = stack::engine::run_engine(std::move(options));
  if (!outcome) {
    stack::log_error(outcome.error().text());
    return 1;
  }
  return 0;
}

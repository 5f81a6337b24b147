#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace stack {

namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warning:
      return spdlog::level::warn;
    case LogLevel::Error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger>& logger() {
  static auto instance =
      std::make_shared<spdlog::logger>("stack", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  return instance;
}

}  // namespace

void open_log(const std::string& path, LogLevel least) {
  if (!path.empty()) {
    try {
      logger() = std::make_shared<spdlog::logger>("stack",
                                                  std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
    } catch (const spdlog::spdlog_ex& e) {
      logger()->error("log file {}: {}", path, e.what());
    }
  }
  logger()->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger()->set_level(level_of(least));
  logger()->flush_on(spdlog::level::debug);
}

void log_exception(std::string_view where, std::exception_ptr exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& e) {
    log_error("bug: " + std::string(where) + ": " + e.what());
  } catch (...) {
    log_error("bug: " + std::string(where) + ": unknown exception");
  }
}

void log(LogLevel level, std::string_view text) { logger()->log(level_of(level), "{}", text); }

}  // namespace stack

// Logging of the long-lived processes; one line per event, to stderr or to a file.
// The command line does not log.
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace stack {

enum class LogLevel { Debug, Info, Warning, Error };

// An empty `path` means stderr. Lines have a UTC timestamp and the level.
void open_log(const std::string& path, LogLevel least);
void log(LogLevel level, std::string_view text);
inline void log_debug(std::string_view text) { log(LogLevel::Debug, text); }
inline void log_info(std::string_view text) { log(LogLevel::Info, text); }
inline void log_warning(std::string_view text) { log(LogLevel::Warning, text); }
inline void log_error(std::string_view text) { log(LogLevel::Error, text); }
// Logs an uncaught exception, which is a bug, as an error with its location.
void log_exception(std::string_view where, std::exception_ptr exception);

}  // namespace stack

// Logging of the long-lived processes; one line per event, to stderr or to a file.
// The CLI does not log: what it says is its output.
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace stack {

enum class LogLevel { Debug, Info, Warning, Error };

// `path` empty: stderr. Lines carry a UTC time stamp and the level.
void open_log(const std::string& path, LogLevel least);
void log(LogLevel level, std::string_view text);
inline void log_debug(std::string_view text) { log(LogLevel::Debug, text); }
inline void log_info(std::string_view text) { log(LogLevel::Info, text); }
inline void log_warning(std::string_view text) { log(LogLevel::Warning, text); }
inline void log_error(std::string_view text) { log(LogLevel::Error, text); }
// An exception that nothing was there to catch: a bug, told as an error with its place.
void log_exception(std::string_view where, std::exception_ptr exception);

}  // namespace stack

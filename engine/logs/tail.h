// Finds the start of the last N lines of a rotated log by reading backward.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "engine/logs/log_reader.h"

namespace stack::logs {

struct TailStart {
  Fd file;  // none if there is no log
  LogIdentity identity;
  uint64_t offset = 0;       // offset of a record in the file
  size_t lines_to_pass = 0;  // number of selected lines between the offset and the tail
};

// `file_name(i)` names rotated file i (0 = current). An unfinished line at the end counts as a line.
Result<TailStart> find_tail(const std::function<std::string(size_t)>& file_name, size_t lines,
                            const std::function<bool(const LogEntry&)>& selects);

}  // namespace stack::logs

#include "runtime/oci/update_resources.h"

#include <unistd.h>

#include <charconv>

#include "base/fd.h"
#include "base/files.h"

namespace stack::runtime::oci {

namespace {

constexpr Flag kUpdateFlags[] = {
    {"resources", 'r', FlagKind::Text, "FILE", "linux.resources as JSON; \"-\" reads stdin"},
    {"blkio-weight", 0, FlagKind::Text, "N", "block I/O weight, 10 to 1000"},
    {"cpu-period", 0, FlagKind::Text, "US", "CPU period in microseconds"},
    {"cpu-quota", 0, FlagKind::Text, "US", "CPU time per period; -1: no limit"},
    {"cpu-burst", 0, FlagKind::Text, "US", "maximum accumulated CPU time"},
    {"cpu-share", 0, FlagKind::Text, "N", "CPU shares, 2 to 262144"},
    {"cpu-idle", 0, FlagKind::Text, "0|1", "use only idle CPU time"},
    {"cpu-rt-period", 0, FlagKind::Text, "US", "realtime period in microseconds"},
    {"cpu-rt-runtime", 0, FlagKind::Text, "US", "realtime CPU time per period"},
    {"cpuset-cpus", 0, FlagKind::Text, "LIST", "CPUs to run on: 0-2,5"},
    {"cpuset-mems", 0, FlagKind::Text, "LIST", "memory nodes"},
    {"memory", 0, FlagKind::Text, "BYTES", "memory limit; -1: none"},
    {"memory-reservation", 0, FlagKind::Text, "BYTES", "soft memory limit"},
    {"memory-swap", 0, FlagKind::Text, "BYTES", "limit of memory plus swap; -1: no limit"},
    {"kernel-memory", 0, FlagKind::Text, "BYTES", "kernel memory limit"},
    {"kernel-memory-tcp", 0, FlagKind::Text, "BYTES", "TCP buffer limit"},
    {"pids-limit", 0, FlagKind::Text, "N", "number of processes; -1: no limit"},
    {"l3-cache-schema", 0, FlagKind::Text, "TEXT", "not supported"},
    {"mem-bw-schema", 0, FlagKind::Text, "TEXT", "not supported"},
};

enum class Value : uint8_t { Number, Bytes, Text };

struct ResourceRow {
  const char* flag;
  const char* part;
  const char* key;
  Value value;
};
constexpr ResourceRow kResourceRows[] = {
    {"blkio-weight", "blockIO", "weight", Value::Number},
    {"cpu-period", "cpu", "period", Value::Number},
    {"cpu-quota", "cpu", "quota", Value::Number},
    {"cpu-burst", "cpu", "burst", Value::Number},
    {"cpu-share", "cpu", "shares", Value::Number},
    {"cpu-idle", "cpu", "idle", Value::Number},
    {"cpu-rt-period", "cpu", "realtimePeriod", Value::Number},
    {"cpu-rt-runtime", "cpu", "realtimeRuntime", Value::Number},
    {"cpuset-cpus", "cpu", "cpus", Value::Text},
    {"cpuset-mems", "cpu", "mems", Value::Text},
    {"memory", "memory", "limit", Value::Bytes},
    {"memory-reservation", "memory", "reservation", Value::Bytes},
    {"memory-swap", "memory", "swap", Value::Bytes},
    {"kernel-memory", "memory", "kernel", Value::Bytes},
    {"kernel-memory-tcp", "memory", "kernelTCP", Value::Bytes},
    {"pids-limit", "pids", "limit", Value::Number},
};

Result<int64_t> parse_bytes(const std::string& flag, const std::string& text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  constexpr std::string_view kUnits = "bkmgt";
  size_t power = 0;
  if (!unit.empty()) power = kUnits.find(static_cast<char>(unit[0] | 0x20));
  bool odd_unit =
      unit.size() > 2 || power == std::string_view::npos || (unit.size() == 2 && (unit[1] | 0x20) != 'b');
  int64_t scaled = 0;
  if (error != std::errc() || odd_unit ||
      __builtin_mul_overflow(value, int64_t{1} << (10 * std::min<size_t>(power, 4)), &scaled))
    return invalid("--" + flag + ": not a size: \"" + text + "\"");
  return scaled;
}

Result<Json> row_value(const ResourceRow& row, const Arguments& arguments) {
  std::string text = arguments.text(row.flag);
  if (row.value == Value::Text) return Json(text);
  if (row.value == Value::Number) {
    TRY_ASSIGN(int64_t number, arguments.number(row.flag, 0));
    return Json(number);
  }
  TRY_ASSIGN(int64_t bytes, parse_bytes(row.flag, text));
  return Json(bytes);
}

Result<Json> read_resources(const std::string& file) {
  TRY_ASSIGN(std::string text, file == "-" ? read_all(STDIN_FILENO) : read_file(file));
  TRY_ASSIGN(Json resources, parse_json(text));
  if (!resources.is_object()) return invalid("not an object");
  return resources;
}

}  // namespace

std::span<const Flag> update_flags() { return kUpdateFlags; }

Result<Json> update_resources(const Arguments& arguments) {
  for (const char* flag : {"l3-cache-schema", "mem-bw-schema"}) {
    if (arguments.has(flag)) return unsupported("--" + std::string(flag) + ": intelRdt cannot be changed");
  }
  Json resources = Json::object();
  if (arguments.has("resources")) {
    TRY_ASSIGN(resources, read_resources(arguments.text("resources")).in("--resources"));
  }
  for (const ResourceRow& row : kResourceRows) {
    if (!arguments.has(row.flag)) continue;
    TRY_ASSIGN(Json value, row_value(row, arguments));
    if (!resources[row.part].is_object()) resources[row.part] = Json::object();
    resources[row.part][row.key] = std::move(value);
  }
  if (resources.empty()) return invalid("update: no changes specified");
  return resources;
}

}  // namespace stack::runtime::oci

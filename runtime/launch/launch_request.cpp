#include "runtime/launch/launch_request.h"

#include <algorithm>

#include "base/files.h"

namespace stack::runtime {

namespace {

// Hexadecimal, because the fields may contain any bytes.
std::string to_hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

std::string from_hex(std::string_view text) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
  return bytes;
}

}  // namespace

Json log_to_json(const LogSettings& log) {
  return Json{{"driver", static_cast<int>(log.driver)},
              {"path", log.path},
              {"max_size", log.max_size},
              {"max_file", log.max_file},
              {"buffer_size", log.buffer_size},
              {"fields", to_hex(log.fields)}};
}

LogSettings log_from_json(const Json& json) {
  LogSettings log;
  int64_t driver = int_or(json, "driver");
  log.driver = driver == static_cast<int>(LogDriver::JsonFile)   ? LogDriver::JsonFile
               : driver == static_cast<int>(LogDriver::Journald) ? LogDriver::Journald
                                                                 : LogDriver::None;
  log.path = string_or(json, "path");
  log.max_size = int_or(json, "max_size");
  log.max_file = static_cast<int>(int_or(json, "max_file", 1));
  log.buffer_size = int_or(json, "buffer_size");
  log.fields = from_hex(string_or(json, "fields"));
  return log;
}

wire::LogValues log_to_wire(const LogSettings& log) {
  wire::LogValues out;
  out.driver = log.driver == LogDriver::None       ? wire::kLogNone
               : log.driver == LogDriver::Journald ? wire::kLogJournal
                                                   : wire::kLogJson;
  if (log.driver == LogDriver::None) return out;
  out.max_file = std::max(log.max_file, 1);
  out.max_size = log.max_size;
  out.buffer_size = log.buffer_size;
  std::string name = base_name(log.path);
  name.copy(out.name, sizeof(out.name) - 1);
  out.fields_size = static_cast<uint32_t>(log.fields.copy(out.fields, sizeof(out.fields)));
  return out;
}

Json named_fds_to_json(const std::vector<NamedFd>& fds, FdTable& table) {
  Json out = Json::array();
  for (const NamedFd& held : fds) out.push_back({{"name", held.name}, {"fd", table.add(held.fd)}});
  return out;
}

Json engine_to_json(const EngineRestart& engine) {
  return Json{{"argv", engine.argv}, {"lock", engine.lock_path}};
}

}  // namespace stack::runtime

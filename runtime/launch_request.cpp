#include "runtime/launch_request.h"

namespace stack::runtime {

Json log_to_json(const LogSettings& log) {
  return Json{{"driver", log.driver == LogDriver::None ? "none" : "json-file"},
              {"path", log.path},
              {"max_size", log.max_size},
              {"max_file", log.max_file}};
}

LogSettings log_from_json(const Json& json) {
  LogSettings log;
  log.driver = string_or(json, "driver") == "none" ? LogDriver::None : LogDriver::JsonFile;
  log.path = string_or(json, "path");
  log.max_size = int_or(json, "max_size");
  log.max_file = static_cast<int>(int_or(json, "max_file", 1));
  return log;
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

#include "cli/flags/docker_formats.h"

#include "base/files.h"
#include "base/json.h"
#include "cli/flags/docker_proxies.h"

namespace stack::cli {

Arguments with_default_format(Arguments arguments, const Environment& environment, const std::string& member) {
  std::string path = docker_config_path(environment);
  if (path.empty() || arguments.given("format") || arguments.is_set("quiet")) return arguments;
  Result<std::string> text = read_file(path);
  Result<Json> config = text ? parse_json(*text) : Result<Json>(text.error());
  std::string format = config && config->is_object() ? string_or(*config, member) : "";
  if (!format.empty()) arguments.add("format", format);
  return arguments;
}

}  // namespace stack::cli

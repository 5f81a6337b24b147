// docker inspect, container inspect, image inspect, network inspect, volume inspect.
#include <span>

#include "base/text.h"
#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/render/output.h"
#include "http/wire/query.h"

namespace stack::cli::docker_cli {

namespace {

// The version whose fields the templates of Docker's users know: later ones leave out .NetworkSettings.IPAddress.
const std::string kApiVersion = "/v1.50";

using Getter = Result<Json> (*)(Session& session, const std::string& name, bool size);

Result<Json> get_container(Session& session, const std::string& name, bool size) {
  return ask(session, "GET", kApiVersion + container_path(name, size ? "/json?size=1" : "/json"));
}
Result<Json> get_image(Session& session, const std::string& name, bool) {
  return ask(session, "GET", kApiVersion + image_path(name, "/json"));
}
Result<Json> get_network(Session& session, const std::string& name, bool) {
  return ask(session, "GET", kApiVersion + "/networks/" + http::percent_encode(name));
}
Result<Json> get_volume(Session& session, const std::string& name, bool) {
  return ask(session, "GET", kApiVersion + "/volumes/" + http::percent_encode(name));
}

struct Kind {
  std::string_view type;
  Getter get;
  std::string_view go_type;
};
// In the search order of `docker inspect` without --type.
constexpr Kind kKinds[] = {{"container", get_container, "container.InspectResponse"},
                           {"image", get_image, "image.InspectResponse"},
                           {"network", get_network, "network.Inspect"},
                           {"volume", get_volume, "volume.Volume"}};

Result<text_template::Inspected> get_first(Session& session, const std::string& name, bool size,
                                           std::span<const Kind> kinds) {
  for (const Kind& kind : kinds) {
    auto object = kind.get(session, name, size && kind.type == "container");
    if (object) return text_template::Inspected{kind.go_type, std::move(*object)};
    if (kinds.size() == 1 || object.error().kind() != ErrorKind::NotFound) return object.error();
  }
  return not_found("Error: No such object: " + name);
}

Result<int> inspect_all(Session& session, const Arguments& arguments, std::span<const Kind> kinds) {
  std::vector<text_template::Inspected> found;
  std::vector<std::string> errors;
  for (const std::string& name : arguments.words) {
    auto object = get_first(session, name, arguments.is_set("size"), kinds);
    if (object) {
      found.push_back(std::move(*object));
    } else {
      errors.push_back(object.error().text());
    }
  }
  auto code = print_inspected(arguments, found, errors.empty() ? 0 : kExitError);
  if (code && *code == kExitTemplate) return code;
  for (const std::string& error : errors) print_message(error);
  return code;
}

Result<int> run_inspect_any(Session& session, const Arguments& arguments) {
  std::string type = arguments.text("type");
  if (type.empty()) return inspect_all(session, arguments, kKinds);
  for (const Kind& kind : kKinds)
    if (kind.type == type) return inspect_all(session, arguments, {&kind, 1});
  std::vector<std::string> known;
  for (const Kind& kind : kKinds) known.push_back("\"" + std::string(kind.type) + "\"");
  return Error("unknown type: \"" + type + "\": must be one of " + join(known, ", "));
}

Result<int> run_container(Session& session, const Arguments& arguments) {
  return inspect_all(session, arguments, {&kKinds[0], 1});
}
Result<int> run_image(Session& session, const Arguments& arguments) {
  return inspect_all(session, arguments, {&kKinds[1], 1});
}
Result<int> run_network(Session& session, const Arguments& arguments) {
  return inspect_all(session, arguments, {&kKinds[2], 1});
}
Result<int> run_volume(Session& session, const Arguments& arguments) {
  return inspect_all(session, arguments, {&kKinds[3], 1});
}

constexpr Flag kFormat{'f', "format", FlagArity::Value, "string", "json, or a Go template"};
constexpr Flag kSize{'s', "size", FlagArity::Nothing, "", "Show the sizes of a container's files"};
constexpr Flag kInspectFlags[] = {
    kFormat,
    kSize,
    {0, "type", FlagArity::Value, "string", "Type of the object: container, image, network, or volume"}};
constexpr Flag kContainerFlags[] = {kFormat, kSize};
constexpr Flag kImageFlags[] = {kFormat,
                                {0, "platform", FlagArity::Value, "string", "Platform of the image"}};
constexpr Flag kNetworkFlags[] = {kFormat, {'v', "verbose", FlagArity::Nothing, "", "Show diagnostics"}};
constexpr Flag kVolumeFlags[] = {kFormat};

}  // namespace

const Command kInspect{
    .name = "inspect",
    .aliases = {},
    .group = Group::Other,
    .usage = "[OPTIONS] NAME|ID [NAME|ID...]",
    .summary = "Show details of objects",
    .details = "",
    .examples = {},
    .flags = kInspectFlags,
    .least_words = 1,
    .run = run_inspect_any,
};

const Command kContainerInspect{
    .name = "container inspect",
    .aliases = {},
    .group = Group::Containers,
    .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
    .summary = "Show details of containers",
    .details = "",
    .examples = {},
    .flags = kContainerFlags,
    .least_words = 1,
    .run = run_container,
};

const Command kImageInspect{
    .name = "image inspect",
    .aliases = {},
    .group = Group::Images,
    .usage = "[OPTIONS] IMAGE [IMAGE...]",
    .summary = "Show details of images",
    .details = "",
    .examples = {},
    .flags = kImageFlags,
    .least_words = 1,
    .run = run_image,
};

const Command kNetworkInspect{
    .name = "network inspect",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] NETWORK [NETWORK...]",
    .summary = "Show details of networks",
    .details = "",
    .examples = {},
    .flags = kNetworkFlags,
    .least_words = 1,
    .run = run_network,
};

const Command kVolumeInspect{
    .name = "volume inspect",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] VOLUME [VOLUME...]",
    .summary = "Show details of volumes",
    .details = "",
    .examples = {},
    .flags = kVolumeFlags,
    .least_words = 1,
    .run = run_volume,
};

}  // namespace stack::cli::docker_cli

#include "base/files.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "orchestrator/compose/config_output.h"

namespace stack::cli {

namespace {

constexpr Flag kFlags[] = {
    {0, "format", Takes::Value, "FORMAT", "yaml (default) or json"},
    {'q', "quiet", Takes::Nothing, "", "Only check"},
    {'o', "output", Takes::Value, "FILE", "Write to a file"},
    {0, "services", Takes::Nothing, "", "Names of services, one a line"},
    {0, "volumes", Takes::Nothing, "", "Names of volumes"},
    {0, "networks", Takes::Nothing, "", "Names of networks"},
    {0, "images", Takes::Nothing, "", "Names of images"},
    {0, "profiles", Takes::Nothing, "", "Names of profiles"},
    {0, "models", Takes::Nothing, "", "Names of models"},
    {0, "environment", Takes::Nothing, "", "Variables that interpolation uses"},
    {0, "variables", Takes::Nothing, "", "Variables that the files mention, with their defaults"},
    {0, "hash", Takes::Value, "SERVICE", "Hash of a service's configuration; * for all"},
    {0, "origin", Takes::Nothing, "", "Where each value was set: file, line, variable"},
    {0, "no-interpolate", Takes::Nothing, "", "Leave ${VARIABLES} alone"},
    {0, "no-normalize", Takes::Nothing, "", "Leave the model as it is written"},
    {0, "no-path-resolution", Takes::Nothing, "", "Leave relative paths alone"},
    {0, "no-consistency", Takes::Nothing, "", "Do not check whether the parts fit"},
    {0, "no-env-resolution", Takes::Nothing, "", "Do not read the services' env files"},
    {0, "resolve-image-digests", Takes::Nothing, "", ""},
    {0, "lock-image-digests", Takes::Nothing, "", ""},
};
constexpr Example kExamples[] = {
    {"stack config", "the files as they are understood, merged and with variables filled in"},
    {"stack config -q", "check only: silent and exit code 0 where all is well"},
    {"stack config --services", "names of services"},
    {"stack config --origin", "where each value comes from"},
};

using compose::Loaded;
using List = std::vector<std::string> (*)(const Loaded&);
struct NamedList {
  std::string_view flag;
  List list;
};
constexpr NamedList kLists[] = {
    {"services", compose::list_services},       {"volumes", compose::list_volumes},
    {"networks", compose::list_networks},       {"images", compose::list_images},
    {"profiles", compose::list_profiles},       {"models", compose::list_models},
    {"environment", compose::list_environment}, {"origin", compose::list_origins},
};

std::string lines(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += item + "\n";
  return text;
}

Result<std::string> config_text(const Loaded& loaded, const Arguments& arguments) {
  for (const NamedList& named : kLists) {
    if (arguments.on(named.flag)) return lines(named.list(loaded));
  }
  if (arguments.on("variables")) return compose::variables_table(loaded);
  if (arguments.given("hash")) return lines(compose::list_hashes(loaded, arguments.text("hash")));
  return arguments.text("format") == "json" ? compose::config_json(loaded) : compose::config_yaml(loaded);
}

Result<int> run(Session& session, const Arguments& arguments) {
  std::string format = arguments.text("format", "yaml");
  if (format != "yaml" && format != "json") {
    return session.usage_error("invalid value \"" + format + "\" for --format: it is yaml or json");
  }
  for (const char* flag : {"resolve-image-digests", "lock-image-digests"}) {
    if (arguments.on(flag))
      return unsupported(std::string("--") + flag + " needs a registry, which `stack` cannot use yet");
  }
  compose::LoadOptions options = session.load_options();
  options.services = arguments.words;
  options.no_interpolate = arguments.on("no-interpolate");
  options.no_normalize = arguments.on("no-normalize");
  options.no_path_resolution = arguments.on("no-path-resolution");
  options.no_consistency = arguments.on("no-consistency");
  options.no_env_resolution = arguments.on("no-env-resolution");
  TRY_ASSIGN(Loaded loaded, session.load(options));
  if (arguments.on("quiet")) return 0;
  TRY_ASSIGN(std::string text, config_text(loaded, arguments));
  std::string file = arguments.text("output");
  if (file.empty()) {
    print(text);
  } else {
    TRY(write_file_atomic(absolute_path(session.current_directory(), file), text));
  }
  return 0;
}

constexpr std::string_view kAliases[] = {"convert"};

}  // namespace

const Command kConfig{
    .name = "config",
    .aliases = kAliases,
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Check the compose files and show what they mean",
    .details = "",
    .examples = kExamples,
    .flags = kFlags,
    .words_are_services = true,
    .run = run,
};

}  // namespace stack::cli

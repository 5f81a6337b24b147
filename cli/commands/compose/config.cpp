#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/render/annotation.h"
#include "cli/render/output.h"
#include "cli/session/member.h"
#include "cli/session/session.h"
#include "http/wire/query.h"
#include "orchestrator/compose/config_output.h"

namespace stack::cli {

namespace {

constexpr Flag kConfigFlags[] = {
    {0, "format", FlagArity::Value, "FORMAT", "yaml (default) or json"},
    {'q', "quiet", FlagArity::Nothing, "", "Check only; print nothing"},
    {'o', "output", FlagArity::Value, "FILE", "Write to a file instead of stdout"},
    {0, "services", FlagArity::Nothing, "", "Print the service names, one per line"},
    {0, "volumes", FlagArity::Nothing, "", "Print the volume names"},
    {0, "networks", FlagArity::Nothing, "", "Print the network names"},
    {0, "images", FlagArity::Nothing, "", "Print the image names"},
    {0, "profiles", FlagArity::Nothing, "", "Print the profile names"},
    {0, "models", FlagArity::Nothing, "", "Print the model names"},
    {0, "environment", FlagArity::Nothing, "", "Print the variables used for interpolation"},
    {0, "variables", FlagArity::Nothing, "", "Print the variables in the files and their defaults"},
    {0, "hash", FlagArity::Value, "SERVICE", "Print the hash of a service's configuration; * for all"},
    {0, "origin", FlagArity::Nothing, "", "Show the origin of each value: file, line, variable"},
    {0, "no-interpolate", FlagArity::Nothing, "", "Do not interpolate ${VARIABLES}"},
    {0, "no-normalize", FlagArity::Nothing, "", "Do not normalize the model"},
    {0, "no-path-resolution", FlagArity::Nothing, "", "Do not resolve relative paths"},
    {0, "no-consistency", FlagArity::Nothing, "", "Do not check the model's consistency"},
    {0, "no-env-resolution", FlagArity::Nothing, "", "Do not read the services' env files"},
    {0, "resolve-image-digests", FlagArity::Nothing, "", "Pin images to the digests of the local images"},
    {0, "lock-image-digests", FlagArity::Nothing, "",
     "Print an override file that contains only the image digests"},
    {0, "check", FlagArity::Nothing, "", "Check only, and report all errors and warnings"},
    {0, "engine", FlagArity::Nothing, "", "Check and print the engine's settings instead of Compose files"},
    {0, "strict", FlagArity::Nothing, "", "Treat ignored settings as errors"},
};
constexpr Example kConfigExamples[] = {
    {"stack config", "print the merged model with variables resolved"},
    {"stack config -q", "check only: silent and exit code 0 if the files are valid"},
    {"stack config --check", "list everything that `up` would refuse or ignore, with positions"},
    {"stack config --services", "print the service names"},
    {"stack config --origin", "show where each value comes from"},
    {"stack config --engine", "check /etc/stack/config.yaml and show the engine's settings"},
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

// "2 errors, 1 warning".
std::string counts(size_t errors, size_t warnings) {
  auto count = [](size_t number, const char* noun) {
    return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
  };
  return count(errors, "error") + ", " + count(warnings, "warning");
}

// Problems go to stdout, because they are the result of this command.
int check(const Session& session, compose::LoadOptions options) {
  options.refuse = true;
  options.load_contents = true;
  auto loaded = compose::load(options);
  const compose::Diagnostics& problems = loaded ? loaded->warnings : loaded.error();
  size_t errors = 0;
  for (const compose::Diagnostic& one : problems)
    if (one.severity == compose::Severity::Error) ++errors;
  if (session.globals().ci) {
    for (const compose::Diagnostic& one : problems)
      print_line(annotation(session.annotations(), one, session.environment()));
  } else {
    print(compose::render(problems));
  }
  print_line(counts(errors, problems.size() - errors));
  return errors > 0 ? 1 : 0;
}

// Registries are not queried, so only local images have a digest.
Result<std::map<std::string, std::string>> local_digests(Session& session, const Loaded& loaded) {
  std::map<std::string, std::string> digests;
  std::vector<std::string> missing;
  for (const std::string& image : compose::images_to_pin(loaded)) {
    auto found = session.call("GET", "/images/" + http::percent_encode(image) + "/json");
    if (!found && found.error().kind() != ErrorKind::NotFound) return std::move(found).error();
    std::string named;
    if (found)
      for (const Json& digest : items_of(found->value("RepoDigests", Json::array())))
        if (named.empty() && digest.is_string()) named = digest.get<std::string>();
    size_t at = named.find('@');
    if (at == std::string::npos) {
      missing.push_back(image);
    } else {
      digests[image] = named.substr(at + 1);
    }
  }
  if (missing.empty()) return digests;
  return not_found(
      "cannot resolve the digests of these images, because they are not on this machine and `stack` does not "
      "query registries for digests: " +
      join(missing, ", "));
}

Result<std::string> config_text(Session& session, const Loaded& loaded, const Arguments& arguments) {
  for (const NamedList& named : kLists) {
    if (arguments.is_set(named.flag)) return lines(named.list(loaded));
  }
  std::string format = arguments.text("format");
  if (arguments.is_set("variables")) {
    if (format == "json") return compose::variables_json(loaded);
    return format == "yaml" ? compose::variables_yaml(loaded) : compose::variables_table(loaded);
  }
  if (arguments.given("hash")) {
    TRY_ASSIGN(std::vector<std::string> hashes, compose::list_hashes(loaded, arguments.text("hash")));
    return lines(hashes);
  }
  auto write = format == "json" ? compose::config_json : compose::config_yaml;
  bool lock = arguments.is_set("lock-image-digests");
  if (!lock && !arguments.is_set("resolve-image-digests")) return write(loaded);
  TRY_ASSIGN(auto digests, local_digests(session, loaded));
  Loaded pinned = compose::with_pinned_images(loaded, digests);
  return write(lock ? compose::images_only(pinned) : pinned);
}

// Lists that cover the whole project, regardless of the services named.
bool lists_everything(const Arguments& arguments) {
  for (const char* flag : {"services", "volumes", "networks", "models", "variables"})
    if (arguments.is_set(flag)) return true;
  return arguments.given("hash");
}

// Prints the files themselves, as YAML or JSON, instead of a list of names.
bool prints_document(const Arguments& arguments) {
  for (const NamedList& named : kLists)
    if (arguments.is_set(named.flag)) return false;
  return !arguments.given("hash");
}

// The engine's own program reads its settings, so that a file that keeps the engine from starting can be checked.
Result<int> show_engine_settings(const Session& session) {
  SpawnRequest request;
  request.program = engine_program();
  request.args = {"--show-config"};
  request.directory = session.current_directory();
  TRY_ASSIGN(pid_t child, spawn(request).in("the engine's program"));
  TRY_ASSIGN(int status, wait_for(child));
  return exit_code_of(status);
}

Result<int> run_config(Session& session, const Arguments& arguments) {
  std::string format = arguments.text("format", "yaml");
  if (format != "yaml" && format != "json") {
    return session.usage_error("invalid value \"" + format + "\" for --format: must be yaml or json");
  }
  if (arguments.is_set("engine")) return show_engine_settings(session);
  compose::LoadOptions options = session.load_options();
  if (!lists_everything(arguments)) options.services = arguments.words;
  options.strict = arguments.is_set("strict");
  if (arguments.is_set("check")) return check(session, std::move(options));
  options.no_interpolate = arguments.is_set("no-interpolate") || arguments.is_set("variables");
  options.no_normalize = arguments.is_set("no-normalize");
  options.no_path_resolution = arguments.is_set("no-path-resolution");
  options.no_consistency = arguments.is_set("no-consistency");
  options.no_env_resolution = arguments.is_set("no-env-resolution");
  std::string hashed = arguments.text("hash");
  if (!hashed.empty() && hashed != "*") options.services = split(hashed, ',');
  options.load_contents = !hashed.empty();
  options.refuse = false;  // unsupported settings are shown, with a warning
  if (options.no_interpolate && !options.services.empty())
    print_message("warning: --no-interpolate shows the whole model and ignores the services named");
  options.only_document = prints_document(arguments);
  TRY_ASSIGN(Loaded now, session.load(options));
  // Never freed: the process is about to exit, and freeing a large tree takes a tenth of its run time.
  static const Loaded& loaded = *new Loaded(std::move(now));
  if (arguments.is_set("quiet")) return 0;
  TRY_ASSIGN(std::string text, config_text(session, loaded, arguments));
  std::string file = arguments.text("output");
  if (file.empty()) {
    print(text);
  } else {
    TRY(write_output_file(absolute_path(session.current_directory(), file), text));
  }
  return 0;
}

constexpr Flag kConvertOnly[] = {
    {0, "report", FlagArity::Value, "FORMAT", "Print only the fidelity report: table or json"},
    {0, "push-to", FlagArity::Value, "REGISTRY", "Registry of the images that the project builds"},
    {0, "arch", FlagArity::Value, "ARCH", "Architecture of the cluster's nodes: amd64 or arm64"},
};
// The flags of `config`, because without a target `convert` is Compose's other name for it.
constexpr auto kConvertFlags = [] {
  std::array<Flag, std::size(kConfigFlags) + std::size(kConvertOnly)> flags{};
  std::copy(std::begin(kConvertOnly), std::end(kConvertOnly), flags.begin());
  std::copy(std::begin(kConfigFlags), std::end(kConfigFlags), flags.begin() + std::size(kConvertOnly));
  return flags;
}();
constexpr Example kConvertExamples[] = {
    {"stack convert --target kubernetes -o k8s", "write Kubernetes objects into the folder k8s"},
    {"stack convert --target kubernetes --report table", "show what differs on Kubernetes, key by key"},
    {"stack convert --target kubernetes --strict -o k8s", "fail if anything is lost"},
};

}  // namespace

const Command kConfig{
    .name = "config",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Check the Compose files and print the resulting model",
    .details = "",
    .examples = kConfigExamples,
    .flags = kConfigFlags,
    .words_are_services = true,
    .run = run_config,
};

const Command kConvert{
    .name = "convert",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Convert the project for a cluster (--target), or print the resulting model",
    .details =
        "With --target kubernetes, writes objects as YAML, to stdout or into the folder -o DIR, and a "
        "fidelity\n"
        "report to stderr. With --strict, fails if a key of the model is lost. See docs/BEYOND.md.",
    .examples = kConvertExamples,
    .flags = kConvertFlags,
    .words_are_services = true,
    .run = run_config,
};

}  // namespace stack::cli

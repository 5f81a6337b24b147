// docker build.
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/commands/docker/build_output.h"
#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/flags/build_options.h"
#include "cli/render/output.h"
#include "cli/render/progress/build_model.h"
#include "cli/render/progress/live_text.h"
#include "cli/render/terminal.h"
#include "cli/session/change.h"
#include "cli/session/credential_store.h"
#include "cli/session/image_transfer.h"
#include "cli/session/member.h"
#include "cli/session/objects.h"
#include "cli/session/reconnects.h"
#include "docker/registry_auth.h"

namespace stack::cli::docker_cli {

namespace {

constexpr Flag kBuildFlags[] = {
    {0, "add-host", FlagArity::Values, "list", "Add a HOST:IP entry to /etc/hosts of RUN steps"},
    {0, "allow", FlagArity::Values, "stringArray",
     "Grant an entitlement to RUN steps: network.host, security.insecure"},
    {0, "attest", FlagArity::Values, "stringArray",
     "Add an attestation: type=provenance[,mode=max] or type=sbom"},
    {0, "build-arg", FlagArity::Values, "list", "Set a build argument"},
    {0, "build-context", FlagArity::Values, "stringArray",
     "Additional context NAME=PATH, URL, docker-image://REF, or oci-layout://PATH:TAG"},
    {0, "builder", FlagArity::Value, "string", ""},
    {0, "cache-from", FlagArity::Values, "stringArray",
     "Import a build cache from an image, registry, or folder"},
    {0, "cache-to", FlagArity::Values, "stringArray",
     "Export the build cache: inline, type=registry, or type=local"},
    {0, "call", FlagArity::Value, "string", "build, or check: only report probable mistakes"},
    {0, "check", FlagArity::Nothing, "", "Check the Dockerfile without building"},
    {0, "cgroup-parent", FlagArity::Value, "string", ""},
    {0, "compress", FlagArity::Nothing, "", ""},
    {0, "cpu-period", FlagArity::Value, "int", ""},
    {0, "cpu-quota", FlagArity::Value, "int", ""},
    {'c', "cpu-shares", FlagArity::Value, "int", ""},
    {0, "cpuset-cpus", FlagArity::Value, "string", ""},
    {0, "cpuset-mems", FlagArity::Value, "string", ""},
    {0, "disable-content-trust", FlagArity::Nothing, "", ""},
    {'f', "file", FlagArity::Value, "string", "Dockerfile (default PATH/Dockerfile)"},
    {0, "force-rm", FlagArity::Nothing, "", ""},
    {0, "iidfile", FlagArity::Value, "string", "Write the image ID to this file"},
    {0, "isolation", FlagArity::Value, "string", ""},
    {0, "label", FlagArity::Values, "list", "Set a label of the image"},
    {0, "load", FlagArity::Nothing, "", ""},
    {'m', "memory", FlagArity::Value, "bytes", ""},
    {0, "memory-swap", FlagArity::Value, "bytes", ""},
    {0, "metadata-file", FlagArity::Value, "string", "Write build metadata to a file as JSON"},
    {0, "network", FlagArity::Value, "string", "Network for RUN steps: default, none, host, or a name"},
    {0, "no-cache", FlagArity::Nothing, "", "Do not use the build cache"},
    {0, "no-cache-filter", FlagArity::Values, "stringArray", "Do not use the build cache for these stages"},
    {'o', "output", FlagArity::Values, "stringArray", "Output: DIR, -, type=local|tar|oci|docker|registry"},
    {0, "platform", FlagArity::Values, "stringArray",
     "Platform of the image; RUN for another architecture needs an emulator"},
    {0, "progress", FlagArity::Value, "string", "Progress output: auto, plain, tty, quiet, or rawjson"},
    {0, "provenance", FlagArity::Value, "string",
     "Record how the image was built: true, mode=min, or mode=max"},
    {0, "pull", FlagArity::Nothing, "", "Always pull newer versions of base images"},
    {0, "push", FlagArity::Nothing, "", "Push the image"},
    {'q', "quiet", FlagArity::Nothing, "", "Print only the image ID"},
    {0, "rm", FlagArity::Nothing, "", ""},
    {0, "sbom", FlagArity::Value, "string", "Record the packages of the image: true"},
    {0, "secret", FlagArity::Values, "stringArray", "Secret id=NAME[,src=FILE|,env=VARIABLE]"},
    {0, "security-opt", FlagArity::Values, "stringArray", ""},
    {0, "shm-size", FlagArity::Value, "bytes", "Size of /dev/shm of RUN steps"},
    {0, "squash", FlagArity::Nothing, "", ""},
    {0, "ssh", FlagArity::Values, "stringArray", "SSH agent or keys: default or ID=PATH"},
    {'t', "tag", FlagArity::Values, "list", "Name of the image"},
    {0, "target", FlagArity::Value, "string", "Stage to build"},
    {0, "ulimit", FlagArity::Values, "ulimit", "Limit of RUN steps: NAME=SOFT[:HARD]"},
};
constexpr Example kExamples[] = {{"docker build -t shop .", "build the Dockerfile in the current folder"}};

bool is_remote_context(const std::string& path) {
  return path.find("://") != std::string::npos || path.starts_with("git@") || path.starts_with("github.com/");
}

// Stdin as a context: an archive or a Dockerfile. An archive is stored in a temporary file, removed on destruction.
struct StdinContext {
  std::optional<TemporaryDirectory> folder;
};

Result<Json> stdin_sources(const Arguments& arguments, StdinContext& held) {
  TRY_ASSIGN(std::string text, read_all(STDIN_FILENO, size_t{4} << 30));
  bool packed = text.starts_with("\x1f\x8b") || text.starts_with("BZh") || text.starts_with("\xfd\x37zXZ") ||
                text.starts_with("\x28\xb5\x2f\xfd");
  bool archive = packed || (text.size() > 262 && text.compare(257, 5, "ustar") == 0);
  if (!archive) return Json{{"context", ""}, {"dockerfile_inline", text}};
  TRY_ASSIGN(held.folder, TemporaryDirectory::create("/tmp/stack-context-"));
  std::string file = held.folder->path() + "/context.tar";
  TRY(write_file(file, text, 0600));
  return Json{{"context", file}, {"dockerfile", arguments.text("file", "Dockerfile")}};
}

// The context and the Dockerfile in it. "-" is a Dockerfile on stdin, with an empty context, or an archive.
Result<Json> sources(const Session& session, const Arguments& arguments, StdinContext& held) {
  const std::string& path = arguments.words[0];
  if (path == "-") return stdin_sources(arguments, held);
  if (is_remote_context(path)) {
    std::string address = path.starts_with("github.com/") ? "https://" + path : path;
    if (path.starts_with("github.com/") && address.find(".git") == std::string::npos)
      address.insert(std::min(address.find('#'), address.size()), ".git");
    return Json{{"context", address}, {"dockerfile", arguments.text("file", "Dockerfile")}};
  }
  std::string context = absolute_path(session.current_directory(), path);
  if (!is_directory(context)) return Error("unable to prepare context: path \"" + path + "\" not found");
  Json source{{"context", context}};
  std::string file = arguments.text("file");
  if (file == "-") {
    TRY_ASSIGN(source["dockerfile_inline"], read_all(STDIN_FILENO, size_t{1} << 20));
    return source;
  }
  source["dockerfile"] =
      file.empty() ? context + "/Dockerfile" : absolute_path(session.current_directory(), file);
  if (!path_exists(string_or(source, "dockerfile")))
    return Error("unable to evaluate symlinks in Dockerfile path: " + string_or(source, "dockerfile") +
                 ": no such file or directory");
  return source;
}

// NAME=VALUE; a value that is not a URL is a path of the caller.
// --tag, and the names in --output type=image,name=REF.
std::vector<std::string> tags_of(const Arguments& arguments) {
  std::vector<std::string> tags = arguments.all("tag");
  for (const std::string& text : arguments.all("output"))
    if (std::string name = output_name(text); !name.empty()) tags.push_back(std::move(name));
  return tags;
}

Result<Json> named_contexts(const Session& session, const Arguments& arguments) {
  Json contexts = pairs_of(arguments.all("build-context"));
  for (auto& [name, value] : contexts.items()) {
    std::string text = value.is_string() ? value.get<std::string>() : "";
    constexpr std::string_view kLayout = "oci-layout://";
    if (text.starts_with(kLayout)) {
      value = std::string(kLayout) + absolute_path(session.current_directory(), text.substr(kLayout.size()));
    } else if (!is_remote_context(text) && !text.starts_with("target:")) {
      value = absolute_path(session.current_directory(), text);
      if (!path_exists(value.get<std::string>()))
        return not_found("build context " + name + ": " + value.get<std::string>() +
                         ": no such file or directory");
    }
  }
  return contexts;
}

// Resolves paths of type=local relative to the caller.
std::vector<std::string> cache_locations(const Session& session, const std::vector<std::string>& given) {
  std::vector<std::string> out;
  for (const std::string& text : given) {
    std::vector<std::string> fields = split(text, ',');
    for (std::string& field : fields) {
      size_t equals = field.find('=');
      std::string key = field.substr(0, equals);
      if (equals != std::string::npos && (key == "src" || key == "dest"))
        field = key + "=" + absolute_path(session.current_directory(), field.substr(equals + 1));
    }
    out.push_back(join(fields, ","));
  }
  return out;
}

// --provenance=VALUE and --sbom=VALUE as texts of --attest, which they precede.
std::vector<std::string> attestations(const Arguments& arguments) {
  std::vector<std::string> out;
  for (const char* type : {"provenance", "sbom"}) {
    std::string value = arguments.text(type);
    if (value.empty()) continue;
    std::string options = value == "true" || value == "1"    ? ""
                          : value == "false" || value == "0" ? ",disabled=true"
                                                             : "," + value;
    out.push_back(std::string("type=") + type + options);
  }
  for (const std::string& text : arguments.all("attest")) out.push_back(text);
  return out;
}

// BuildKit ignores the limits of the classic builder without a word, and these with one.
Result<> warn_ignored_options(const Arguments& arguments) {
  if (arguments.is_set("squash"))
    print_message("WARNING: --squash has no effect; copy the files from another stage into one layer");
  if (arguments.given("security-opt")) print_message("WARNING: --security-opt has no effect on builds");
  std::string isolation = arguments.text("isolation", "default");
  if (isolation != "default" && !isolation.empty())
    return unsupported("--isolation=" + isolation + " is not supported: it applies to Windows containers");
  return {};
}

// "id=token,src=file" or "id=token,env=NAME" as {"id","file"|"content"}.
Result<Json> secrets(const Session& session, const Arguments& arguments) {
  Json list = Json::array();
  for (const std::string& text : arguments.all("secret")) {
    Json secret = Json::object();
    for (const std::string& field : split(text, ',')) {
      size_t equals = field.find('=');
      std::string key = field.substr(0, equals);
      std::string value = equals == std::string::npos ? "" : field.substr(equals + 1);
      if (key == "id") secret["id"] = value;
      if (key == "src" || key == "source") secret["file"] = absolute_path(session.current_directory(), value);
      if (key == "env") secret["content"] = setting(session.environment(), value);
    }
    if (std::string file = string_or(secret, "file"); !file.empty() && !path_exists(file))
      return not_found("failed to stat " + file + ": no such file or directory");
    std::string id = string_or(secret, "id");
    if (id.empty()) return invalid("invalid secret: id is required: " + text);
    if (!secret.contains("file") && !secret.contains("content")) {
      auto found = session.environment().find(id);
      if (found == session.environment().end())
        secret["file"] = absolute_path(session.current_directory(), id);
      else
        secret["content"] = found->second;
    }
    list.push_back(std::move(secret));
  }
  return list;
}

bool is_check(const Arguments& arguments) {
  std::string call = arguments.text("call");
  return arguments.is_set("check") || call == "check" || call == "lint";
}

Result<Json> build_request(const Session& session, const Arguments& arguments, StdinContext& held) {
  TRY(warn_ignored_options(arguments));
  TRY_ASSIGN(Json body, sources(session, arguments, held));
  body["tags"] = tags_of(arguments);
  body["target"] = arguments.text("target");
  body["labels"] = pairs_of(arguments.all("label"));
  body["network"] = arguments.text("network");
  body["extra_hosts"] = arguments.all("add-host");
  body["ssh"] = arguments.all("ssh");
  TRY_ASSIGN(body["additional_contexts"], named_contexts(session, arguments));
  body["cache_from"] = cache_locations(session, arguments.all("cache-from"));
  body["attest"] = attestations(arguments);
  body["cache_to"] = cache_locations(session, arguments.all("cache-to"));
  for (const char* name : {"no-cache-filter", "allow", "platform"}) {
    std::vector<std::string> values;
    for (const std::string& text : arguments.all(name))
      for (const std::string& item : split(text, ',')) values.push_back(item);
    std::string member = name == std::string_view("allow")      ? "entitlements"
                         : name == std::string_view("platform") ? "platforms"
                                                                : "no_cache_filter";
    body[member] = values;
  }
  if (body["platforms"].size() > 1)
    return unsupported("only one platform per build is supported, not " +
                       join(strings_of(body["platforms"]), ", ") + "; build each platform by itself");
  body["shm_size"] = arguments.text("shm-size");
  body["ulimits"] = pairs_of(arguments.all("ulimit"));
  body["check"] = is_check(arguments);
  TRY_ASSIGN(body["secrets"], secrets(session, arguments));
  Json options = build_options(session.environment(), session.current_directory());
  options["no_cache"] = arguments.is_set("no-cache");
  options["pull"] = arguments.is_set("pull");
  options["args"] = build_arguments(arguments.all("build-arg"), session.environment());
  body["options"] = options;
  return body;
}

struct BuildEnd {
  Json done = Json::object();
  std::string error;
  std::vector<std::string> detail;
};

enum class BuildLines { Plain, Tree, Hidden, Raw };

Result<BuildLines> lines_of(const Session& session, const Arguments& arguments) {
  std::string style = arguments.text("progress", "auto");
  if (arguments.is_set("quiet") || style == "quiet") return BuildLines::Hidden;
  if (style == "rawjson") return BuildLines::Raw;
  if (style == "plain") return BuildLines::Plain;
  bool live = find_terminal(STDERR_FILENO, Ansi::Auto, session.environment()).is_terminal;
  if (style == "auto" || style == "tty") return live ? BuildLines::Tree : BuildLines::Plain;
  return invalid("invalid progress mode " + style + ": must be auto, plain, tty, quiet, or rawjson");
}

// Shows the "build" events of one build on stderr.
class ShownBuild {
 public:
  ShownBuild(const Session& session, BuildLines lines)
      : lines_(lines),
        color_(find_terminal(STDERR_FILENO, Ansi::Auto, session.environment()).color),
        model_(std::chrono::steady_clock::now()),
        live_(STDERR_FILENO, [this](TerminalSize size) {
          return model_.draw(std::chrono::steady_clock::now(), size.columns, size.rows, color_);
        }) {}

  void take(const Json& line) {
    if (lines_ == BuildLines::Raw) print_message(to_text(line));
    if (string_or(line, "event") != "build") return;
    auto now = std::chrono::steady_clock::now();
    if (lines_ == BuildLines::Tree) live_.update([&] { model_.apply(line, now); });
    if (lines_ != BuildLines::Plain) return;
    if (std::string text = model_.apply(line, now); !text.empty()) print_message(text);
  }

  void finish() {
    auto now = std::chrono::steady_clock::now();
    if (lines_ == BuildLines::Tree)
      live_.finish(model_.draw_all(now, terminal_size(STDERR_FILENO).columns, color_));
  }

 private:
  BuildLines lines_;
  bool color_;
  BuildModel model_;
  LiveText live_;
};

Result<BuildEnd> follow_once(Session& session, const Json& body, BuildLines lines) {
  TRY_ASSIGN(http::Client client, session.connect());
  BuildEnd end;
  ShownBuild shown(session, lines);
  auto on_line = [&](const Json& line) {
    std::string event = string_or(line, "event");
    shown.take(line);
    if (event == "done") end.done = line;
    if (event == "error") {
      end.error = string_or(line, "text");
      end.detail = strings_of(member(line, "detail"));
    }
    return true;
  };
  http::ClientRequest request{.method = "POST", .target = "/stack/v1/build", .body = to_text(body)};
  RegistryKeyring keyring = CredentialStore::open(session.environment()).keyring({}, true);
  if (!keyring.empty()) request.headers.emplace_back("X-Registry-Config", docker::config_header(keyring));
  Result<> streamed = client.lines(std::move(request), on_line);
  shown.finish();
  if (!streamed) return std::move(streamed).error();
  return end;
}

// A build that begins again takes finished steps from the cache.
Result<BuildEnd> follow_build(Session& session, const Json& body, BuildLines lines) {
  Result<BuildEnd> end = repeated([&] { return follow_once(session, body, lines); });
  if (!end) return daemon_error(end.error());
  return end;
}

// The outputs; --push also pushes the image to its registry.
Result<std::vector<BuildOutput>> outputs_of(const Session& session, const Arguments& arguments) {
  std::vector<BuildOutput> out;
  for (const std::string& text : arguments.all("output")) {
    TRY_ASSIGN(BuildOutput output, parse_build_output(text, session.current_directory()));
    out.push_back(std::move(output));
  }
  if (arguments.is_set("push")) out.push_back({BuildOutput::Kind::Push, ""});
  for (const BuildOutput& output : out)
    if (output.kind == BuildOutput::Kind::Push && tags_of(arguments).empty())
      return invalid("tag is needed when pushing to registry: use --tag");
  return out;
}

Result<int> write_outputs(Session& session, const Arguments& arguments,
                          const std::vector<BuildOutput>& outputs, const std::string& image, bool quiet) {
  using Kind = BuildOutput::Kind;
  bool kept = !tags_of(arguments).empty() || arguments.is_set("load") || arguments.given("iidfile");
  for (const BuildOutput& output : outputs)
    kept = kept || output.kind == Kind::Store || output.kind == Kind::Push;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const BuildOutput& output = outputs[i];
    if (output.kind == Kind::Push) {
      TRY_ASSIGN(int code, transfer_images(session, tags_of(arguments),
                                           {.push = true, .platform = "", .quiet = quiet}));
      if (code != 0) return code;
    } else if (output.kind == Kind::Folder || output.kind == Kind::Tar || output.kind == Kind::Archive) {
      TRY(write_build_output(session, output, image, !kept && i + 1 == outputs.size())
              .in("write " + output.path));
    }
  }
  return 0;
}

Result<> write_metadata(const Session& session, const Arguments& arguments, const Json& done) {
  if (!arguments.given("metadata-file")) return {};
  Json data{{"containerimage.config.digest", string_or(done, "image")},
            {"containerimage.digest", string_or(done, "digest")}};
  std::vector<std::string> tags = tags_of(arguments);
  if (!tags.empty()) data["image.name"] = join(tags, ",");
  return write_file(absolute_path(session.current_directory(), arguments.text("metadata-file")),
                    to_text(data) + "\n");
}

// --check: prints the findings and returns the exit code.
int report_check(const BuildEnd& end) {
  const Json& warnings = member(end.done, "warnings");
  size_t count = warnings.is_array() ? warnings.size() : 0;
  if (count == 0) {
    print_line("Check complete, no warnings found.");
    return 0;
  }
  print_line("Check complete, " + std::to_string(count) + (count == 1 ? " warning has" : " warnings have") +
             " been found!");
  for (const Json& warning : warnings) {
    print_line("");
    print_line("WARNING: " + string_or(warning, "rule"));
    print_line(string_or(warning, "file") + ":" + std::to_string(int_or(warning, "line")) + ": " +
               string_or(warning, "text"));
  }
  return 1;
}

Result<int> run_build(Session& session, const Arguments& arguments) {
  StdinContext held;
  TRY_ASSIGN(Json body, build_request(session, arguments, held));
  TRY_ASSIGN(BuildLines lines, lines_of(session, arguments));
  TRY_ASSIGN(std::vector<BuildOutput> outputs, outputs_of(session, arguments));
  bool quiet = lines == BuildLines::Hidden;
  InterruptNotice notice(true);
  TRY_ASSIGN(BuildEnd end, follow_build(session, body, is_check(arguments) ? BuildLines::Hidden : lines));
  if (!end.error.empty()) {
    if (quiet)
      for (const std::string& line : end.detail) print_message(line);
    return Error("ERROR: " + end.error);
  }
  if (is_check(arguments)) return report_check(end);
  std::string image = string_or(end.done, "image");
  if (arguments.given("iidfile"))
    TRY(write_file(absolute_path(session.current_directory(), arguments.text("iidfile")), image));
  TRY(write_metadata(session, arguments, end.done));
  TRY_ASSIGN(int code, write_outputs(session, arguments, outputs, image, quiet));
  if (code != 0) return code;
  if (quiet) {
    print_line(image);
    return 0;
  }
  print_message("Successfully built " + image);
  for (const std::string& tag : tags_of(arguments)) print_message("Successfully tagged " + tag);
  return 0;
}

constexpr std::string_view kBuildAliases[] = {"build", "builder build", "buildx build"};

}  // namespace

const Command kBuild{
    .name = "image build",
    .aliases = kBuildAliases,
    .group = Group::Images,
    .usage = "[OPTIONS] PATH | URL | -",
    .summary = "Build an image from a Dockerfile",
    .details = "",
    .examples = kExamples,
    .flags = kBuildFlags,
    .least_words = 1,
    .most_words = 1,
    .run = run_build,
};

}  // namespace stack::cli::docker_cli

// docker build.
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/flags/build_options.h"
#include "cli/render/output.h"
#include "cli/session/change.h"
#include "cli/session/member.h"
#include "cli/session/objects.h"

namespace stack::cli::docker_cli {

namespace {

constexpr Flag kBuildFlags[] = {
    {0, "add-host", FlagArity::Values, "list", "Add a line HOST:IP to /etc/hosts of RUN steps"},
    {0, "build-arg", FlagArity::Values, "list", "Set a build argument"},
    {0, "build-context", FlagArity::Values, "stringArray", "Additional context NAME=PATH"},
    {0, "compress", FlagArity::Nothing, "", ""},
    {'f', "file", FlagArity::Value, "string", "Dockerfile (default PATH/Dockerfile)"},
    {0, "force-rm", FlagArity::Nothing, "", ""},
    {0, "iidfile", FlagArity::Value, "string", "Write the image ID to this file"},
    {0, "label", FlagArity::Values, "list", "Set a label of the image"},
    {0, "load", FlagArity::Nothing, "", ""},
    {0, "network", FlagArity::Value, "string", "Network of RUN steps: default, none or host"},
    {0, "no-cache", FlagArity::Nothing, "", "Run every step again"},
    {0, "progress", FlagArity::Value, "string", "auto, plain, tty, quiet or rawjson"},
    {0, "pull", FlagArity::Nothing, "", "Always look for newer base images"},
    {'q', "quiet", FlagArity::Nothing, "", "Print only the image ID"},
    {0, "rm", FlagArity::Nothing, "", ""},
    {0, "secret", FlagArity::Values, "stringArray", "Secret id=NAME[,src=FILE|,env=VARIABLE]"},
    {0, "ssh", FlagArity::Values, "stringArray", "SSH agent or keys: default or ID=PATH"},
    {'t', "tag", FlagArity::Values, "list", "Name of the image"},
    {0, "target", FlagArity::Value, "string", "Stage to build"},
};
constexpr Example kExamples[] = {{"docker build -t shop .", "an image of the Dockerfile here"}};

// The context and the Dockerfile in it. "-" is a Dockerfile on stdin, with an empty context.
Result<Json> sources(const Session& session, const Arguments& arguments) {
  const std::string& path = arguments.words[0];
  if (path == "-") {
    TRY_ASSIGN(std::string text, read_all(STDIN_FILENO, size_t{1} << 20));
    if (text.size() > 262 && text.compare(257, 5, "ustar") == 0)
      return unsupported("a context as a tar archive on stdin is not supported: give its folder");
    return Json{{"context", ""}, {"dockerfile_inline", text}};
  }
  if (path.find("://") != std::string::npos || path.starts_with("git@"))
    return Json{{"context", path}, {"dockerfile", arguments.text("file", "Dockerfile")}};
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

Result<Json> build_request(const Session& session, const Arguments& arguments) {
  TRY_ASSIGN(Json body, sources(session, arguments));
  body["tags"] = arguments.all("tag");
  body["target"] = arguments.text("target");
  body["labels"] = pairs_of(arguments.all("label"));
  body["network"] = arguments.text("network");
  body["extra_hosts"] = arguments.all("add-host");
  body["ssh"] = arguments.all("ssh");
  body["additional_contexts"] = pairs_of(arguments.all("build-context"));
  TRY_ASSIGN(body["secrets"], secrets(session, arguments));
  Json options = build_options(session.environment(), session.current_directory());
  options["no_cache"] = arguments.on("no-cache");
  options["pull"] = arguments.on("pull");
  options["args"] = build_arguments(arguments.all("build-arg"), session.environment());
  body["options"] = options;
  return body;
}

struct BuildEnd {
  std::string image;
  std::string error;
  std::vector<std::string> detail;
};

Result<BuildEnd> follow_build(Session& session, const Json& body, bool quiet) {
  TRY_ASSIGN(http::Client client, session.connect());
  BuildEnd end;
  auto on_line = [&](const Json& line) {
    std::string event = string_or(line, "event");
    if (event == "build" && !quiet) {
      std::string text = string_or(line, "text");
      say(text.ends_with('\n') ? std::string_view(text).substr(0, text.size() - 1) : std::string_view(text));
    }
    if (event == "done") end.image = string_or(line, "image");
    if (event == "error") {
      end.error = string_or(line, "text");
      end.detail = strings_of(member(line, "detail"));
    }
    return true;
  };
  http::ClientRequest request{.method = "POST", .target = "/stack/v1/build", .body = to_text(body)};
  Result<> streamed = client.lines(std::move(request), on_line);
  if (!streamed) return daemon_error(streamed.error());
  return end;
}

Result<int> run_build(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(Json body, build_request(session, arguments));
  bool quiet = arguments.on("quiet") || arguments.text("progress") == "quiet";
  InterruptNotice notice(true);
  TRY_ASSIGN(BuildEnd end, follow_build(session, body, quiet));
  if (!end.error.empty()) {
    if (quiet)
      for (const std::string& line : end.detail) say(line);
    return Error("ERROR: " + end.error);
  }
  if (arguments.given("iidfile"))
    TRY(write_file(absolute_path(session.current_directory(), arguments.text("iidfile")), end.image));
  if (quiet) {
    print_line(end.image);
    return 0;
  }
  say("Successfully built " + end.image);
  for (const std::string& tag : arguments.all("tag")) say("Successfully tagged " + tag);
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

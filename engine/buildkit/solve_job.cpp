#include "engine/buildkit/solve_job.h"

#include "base/base64.h"
#include "base/identity.h"
#include "base/json.h"
#include "engine/buildkit/buildkit.pb.h"

namespace stack::engine {

namespace {

using Kind = builder::BuildEventKind;

void set_time(buildkit::Timestamp& out, WallTime time) {
  auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  out.set_seconds(nanoseconds / 1'000'000'000);
  out.set_nanos(static_cast<int32_t>(nanoseconds % 1'000'000'000));
}

std::string vertex_digest(const SolveJob& job, const std::string& name) {
  return "sha256:" + sha256_hex(job.request.ref + "\n" + name);
}

std::string name_of(const builder::BuildEvent& event, const std::string& text) {
  std::string place = event.stage.empty() ? "" : event.stage + " ";
  return "[" + place + std::to_string(event.number) + "/" + std::to_string(event.total) + "] " + text;
}

void add_step(SolveJob& job, const builder::BuildEvent& event, buildkit::StatusResponse& out) {
  buildkit::Vertex& vertex = *out.add_vertexes();
  vertex.set_digest(vertex_digest(job, std::to_string(event.step)));
  bool failed = event.kind == Kind::StepFailed;
  if (event.kind == Kind::StepStarted)
    job.steps[event.step] = {name_of(event, event.text), std::chrono::system_clock::now()};
  const SolveJob::ShownStep& shown = job.steps[event.step];
  vertex.set_name(shown.name);
  set_time(*vertex.mutable_started(), shown.started);
  if (event.kind == Kind::StepStarted || event.kind == Kind::StepRunning) return;
  set_time(*vertex.mutable_completed(), std::chrono::system_clock::now());
  vertex.set_cached(event.kind == Kind::StepCached);
  if (failed) vertex.set_error(event.text);
  if (event.kind == Kind::StepCanceled) vertex.set_error("context canceled");
}

// A message about the build as a whole is a vertex of its own.
void add_message(const SolveJob& job, const std::string& text, buildkit::StatusResponse& out) {
  buildkit::Vertex& vertex = *out.add_vertexes();
  vertex.set_digest(vertex_digest(job, text));
  vertex.set_name("[internal] " + text);
  set_time(*vertex.mutable_started(), std::chrono::system_clock::now());
  set_time(*vertex.mutable_completed(), std::chrono::system_clock::now());
}

void add_log(const SolveJob& job, const builder::BuildEvent& event, buildkit::StatusResponse& out) {
  buildkit::VertexLog& log = *out.add_logs();
  log.set_vertex(vertex_digest(job, std::to_string(event.step)));
  log.set_stream(event.is_stderr ? 2 : 1);
  log.set_message(event.text + "\n");
  set_time(*log.mutable_timestamp(), std::chrono::system_clock::now());
}

void add_warning(const SolveJob& job, const builder::BuildEvent& event, buildkit::StatusResponse& out) {
  buildkit::VertexWarning& warning = *out.add_warnings();
  warning.set_vertex(vertex_digest(job, "warnings"));
  warning.set_level(1);
  warning.set_summary(event.text);
}

}  // namespace

std::string shown_text(const SolveJob& job, std::string text) {
  if (job.hidden_path.empty()) return text;
  for (size_t at = 0; (at = text.find(job.hidden_path, at)) != std::string::npos;)
    text.erase(at, job.hidden_path.size());
  return text;
}

void feed_line(SolveJob& job, const BuildLine& line) {
  buildkit::StatusResponse out;
  builder::BuildEvent event = line.event;
  event.text = shown_text(job, std::move(event.text));
  switch (event.kind) {
    case Kind::StepOutput:
      add_log(job, event, out);
      break;
    case Kind::Message:
      add_message(job, event.text, out);
      break;
    case Kind::Warning:
      add_warning(job, event, out);
      break;
    case Kind::Configured:
    case Kind::StepRunning:
      return;
    case Kind::StepStarted:
    case Kind::StepCached:
    case Kind::StepDone:
    case Kind::StepFailed:
    case Kind::StepCanceled:
      add_step(job, event, out);
      break;
  }
  job.feed.push_back(out.SerializeAsString());
  job.changed.notify_all();
}

namespace {

constexpr std::string_view kImageSource = "stack-image://";
constexpr const char* kLintVersion = "1.0.0";

std::string operation_digest(const std::string& bytes) { return "sha256:" + sha256_hex(bytes); }

Json lint_warning(const builder::BuildWarning& warning) {
  Json place{{"line", warning.line}};
  Json range{{"start", place}, {"end", place}};
  return {{"ruleName", warning.rule},
          {"detail", warning.text},
          {"location", {{"sourceIndex", 0}, {"ranges", Json::array({std::move(range)})}}}};
}

}  // namespace

buildkit::Definition definition_of_image(const std::string& image_id) {
  buildkit::Operation source;
  source.mutable_source()->set_identifier(std::string(kImageSource) + image_id);
  std::string source_bytes = source.SerializeAsString();
  buildkit::Operation output;
  std::string digest = operation_digest(source_bytes);
  output.add_inputs()->set_digest(digest);
  buildkit::Definition definition;
  (*definition.mutable_metadata())[digest];
  definition.add_operations(source_bytes);
  definition.add_operations(output.SerializeAsString());
  return definition;
}

std::optional<std::string> image_of_definition(const buildkit::Definition& definition) {
  for (const std::string& bytes : definition.operations()) {
    buildkit::Operation operation;
    if (!operation.ParseFromString(bytes) || !operation.has_source()) continue;
    const std::string& identifier = operation.source().identifier();
    if (identifier.starts_with(kImageSource)) return identifier.substr(kImageSource.size());
  }
  return std::nullopt;
}

buildkit::GatewayResult lint_result(const std::vector<builder::BuildWarning>& warnings,
                                    const std::string& dockerfile_name, const std::string& dockerfile) {
  Json list = Json::array();
  std::string text;
  for (const builder::BuildWarning& warning : warnings) {
    list.push_back(lint_warning(warning));
    text += "\nWARNING: " + warning.rule + "\n" + warning.text + "\n";
  }
  Json source{{"filename", dockerfile_name}, {"language", "Dockerfile"}, {"data", encode_base64(dockerfile)}};
  Json document{{"warnings", std::move(list)}, {"sources", Json::array({std::move(source)})}};
  buildkit::GatewayResult result;
  auto& metadata = *result.mutable_metadata();
  metadata["result.json"] = stack::to_text(document);
  metadata["result.txt"] = text;
  metadata["result.statuscode"] = warnings.empty() ? "0" : "1";
  metadata["version"] = kLintVersion;
  return result;
}

}  // namespace stack::engine

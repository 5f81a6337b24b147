// Builds of our own clients: from directories of this machine, with progress as events.
#include "base/text.h"
#include "engine/api/api.h"
#include "engine/api/body_shape.h"
#include "engine/api/stream_queue.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

Task<> bootstrap_image(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await request.body.read_object();
  if (body) body = check_shape(std::move(*body), bootstrap_body());
  if (!body) {
    response.error(body.error());
    co_return;
  }
  std::stop_source stop;
  auto work = [&s, &stop](std::string reference, Sink sink) -> Task<> {
    BuildSink lines = [sink](const std::string& text, const std::string& stream) {
      sink({{"event", "build"}, {"service", ""}, {"text", text}, {"stream", stream}});
    };
    Result<std::string> made = co_await s.builds.bootstrap(std::move(reference), lines, stop.get_token());
    if (made) {
      sink({{"event", "done"}, {"changed", 1}, {"image", *made}});
    } else {
      sink({{"event", "error"}, {"text", made.error().text()}, {"code", 1}, {"detail", Json::array()}});
    }
  };
  auto queue = std::make_shared<StreamQueue>(s.context.io);
  request.on_client_gone([&stop, queue] {
    stop.request_stop();
    queue->leave();
  });
  co_await queue->serve(response, work(string_or(*body, "reference"), queue->sink()));
}

compose::Build build_section(const Json& body) {
  compose::Build section;
  section.context = string_or(body, "context");
  section.dockerfile = string_or(body, "dockerfile");
  if (body.contains("dockerfile_inline")) section.dockerfile_inline = string_or(body, "dockerfile_inline");
  section.target = string_or(body, "target");
  section.network = string_or(body, "network");
  section.labels = body.value("labels", std::map<std::string, std::string>());
  section.extra_hosts = body.value("extra_hosts", std::vector<std::string>());
  section.ssh = body.value("ssh", std::vector<std::string>());
  section.additional_contexts = body.value("additional_contexts", std::map<std::string, std::string>());
  return section;
}

std::vector<builder::BuildSecret> build_secrets(const Json& body) {
  std::vector<builder::BuildSecret> secrets;
  for (const Json& item : body.value("secrets", Json::array())) {
    builder::BuildSecret secret;
    secret.id = string_or(item, "id");
    secret.file = string_or(item, "file");
    if (item.contains("content")) secret.value = string_or(item, "content");
    secrets.push_back(std::move(secret));
  }
  return secrets;
}

Task<> build_image(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await request.body.read_object();
  if (body) body = check_shape(std::move(*body), build_body());
  if (!body) {
    response.error(body.error());
    co_return;
  }
  compose::Build section = build_section(*body);
  BuildSettings settings = build_settings_from(body->value("options", Json::object()));
  Result<SshAgents> agents = co_await s.builds.open_ssh(section.ssh, settings.ssh_socket);
  Result<builder::BuildRequest> wanted = BuildService::request_of(section, "", settings);
  if (!agents || !wanted) {
    response.error(agents ? wanted.error() : agents.error());
    co_return;
  }
  wanted->tags = body->value("tags", std::vector<std::string>());
  wanted->secrets = build_secrets(*body);
  wanted->ssh = agents->sockets();
  std::stop_source stop;
  auto work = [&s, &stop](builder::BuildRequest build_request, Sink sink) -> Task<> {
    BuildSink lines = [sink](const std::string& text, const std::string& stream) {
      sink({{"event", "build"}, {"service", ""}, {"text", text}, {"stream", stream}});
    };
    auto made = co_await s.builds.build(std::move(build_request), lines, stop.get_token());
    if (made) {
      sink({{"event", "done"}, {"changed", 1}, {"image", *made}});
    } else {
      sink({{"event", "error"},
            {"text", made.error().error.text()},
            {"code", 1},
            {"detail", made.error().output}});
    }
  };
  auto queue = std::make_shared<StreamQueue>(s.context.io);
  request.on_client_gone([&stop, queue] {
    stop.request_stop();
    queue->leave();
  });
  co_await queue->serve(response, work(std::move(*wanted), queue->sink()));
}

}  // namespace

void add_stack_build_routes(http::Router& router, Services& s) {
  router.post("/stack/v1/images/bootstrap",
              [&s](Request& q, Response& r) -> Task<> { co_await bootstrap_image(s, q, r); });
  router.post("/stack/v1/build", [&s](Request& q, Response& r) -> Task<> { co_await build_image(s, q, r); });
}

}  // namespace stack::engine
